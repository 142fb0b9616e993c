// The menus, as a tree: directories, pages, and buttons, which carry the permissions.
import { call } from "../api.js";
import { h } from "../dom.js";
import { action, edit, remove } from "../ui/crud.js";
import { idOrNull, orNull } from "../ui/fields.js";
import { badge } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { choices } from "../ui/table.js";

const PATH = "/admin/sys/menus";
const TYPES = [
  ["directory", "directory"],
  ["page", "page"],
  ["button", "button"],
];
const NEW = { type: "page", name: "", title: "", path: "", sort: 0, is_visible: true, is_enabled: true, remark: "" };

export default {
  title: "Menus",
  path: "/system/menus",
  group: "Admin",
  menu: "sys:menu",
  needs: "sys:menu:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "Menus"));
    const add = async (parent_id = null, type = "directory") => {
      const fields = await fieldsOf({ ...NEW, type, parent_id });
      const made = await edit({ title: "Add a menu", fields, submit: "Add", path: PATH, said: "Added." });
      if (made) await list.reload();
    };
    const list = listing(root, ctx, {
      path: PATH,
      tree: true,
      caption: "Menus",
      filters: [
        { name: "title", label: "Title" },
        { name: "type", label: "Type", options: [["", "Any"], ...TYPES] },
        {
          name: "is_enabled",
          label: "State",
          options: [
            ["", "Any"],
            ["true", "enabled"],
            ["false", "disabled"],
          ],
        },
      ],
      actions: [action(ctx, { label: "Add a menu", needs: "sys:menu:add", primary: true, run: () => add() })],
      columns: [
        { label: "Title", cell: (menu) => menu.title },
        { label: "Type", cell: (menu) => menu.type },
        { label: "Path or permission", cell: (menu) => h("code", {}, menu.permission ?? menu.path) },
        { label: "Order", class: "number", cell: (menu) => String(menu.sort) },
        { label: "State", cell: stateOf },
        { label: "Actions", class: "row", cell: (menu) => actions(ctx, menu, add, () => list.reload()) },
      ],
      empty: "No menus.",
    });
    await list.ready;
    return list.update;
  },
};

function stateOf(menu) {
  if (!menu.is_enabled) return badge("disabled", "bad");
  return menu.is_visible ? badge("enabled", "good") : badge("hidden", "busy");
}

function actions(ctx, menu, add, reload) {
  const about = menu.title;
  const path = `${PATH}/${menu.id}`;
  const change = async () => {
    const fields = await fieldsOf(menu);
    if (await edit({ title: `Change ${about}`, fields, method: "PUT", path, said: "Saved." })) await reload();
  };
  const drop = async () => {
    const text = "Roles lose it, and with a button its permission. Only a menu without children can be deleted.";
    if (await remove({ title: `Delete ${about}?`, text, path, said: `${about} is deleted.` })) await reload();
  };
  const below = menu.type === "directory" ? "page" : "button";
  const run = () => add(menu.id, below);
  return [
    menu.type === "button" ? null : action(ctx, { label: `Add a ${below}`, about, needs: "sys:menu:add", run }),
    action(ctx, { label: "Change", about, needs: "sys:menu:edit", run: change }),
    action(ctx, { label: "Delete", about, needs: "sys:menu:delete", danger: true, run: drop }),
  ];
}

async function fieldsOf(menu) {
  const all = await call("GET", PATH);
  return [
    { name: "type", label: "Type", type: "select", options: TYPES, value: menu.type },
    { name: "title", label: "Title", value: menu.title, required: true },
    { name: "name", label: "Name", value: menu.name, required: true, hint: "Unique, such as shop:order." },
    {
      name: "parent_id",
      label: "Below",
      type: "select",
      options: [["", "Nothing: at the top"], ...choices(all, "title", { except: menu.id })],
      value: menu.parent_id,
      parse: idOrNull,
    },
    { name: "path", label: "Path", value: menu.path, hint: "Of a directory or a page." },
    {
      name: "permission",
      label: "Permission",
      value: menu.permission,
      parse: orNull,
      hint: "Of a button, such as shop:order:add.",
    },
    { name: "icon", label: "Icon", value: menu.icon },
    { name: "sort", label: "Order", type: "number", step: 1, required: true, value: menu.sort },
    { name: "is_visible", label: "Shown in the sidebar", type: "checkbox", value: menu.is_visible },
    { name: "is_enabled", label: "Enabled", type: "checkbox", value: menu.is_enabled },
    { name: "remark", label: "Remark", type: "textarea", rows: 2, value: menu.remark },
  ];
}
