// Roles: what their holders may do, and whose things they see.
import { call } from "../api.js";
import { h } from "../dom.js";
import { action, edit, remove } from "../ui/crud.js";
import { badge, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";

const PATH = "/admin/sys/roles";
const SCOPES = [
  ["self", "themselves"],
  ["dept", "their department"],
  ["dept_and_below", "their department and those below"],
  ["all", "everybody"],
];

export default {
  title: "Roles",
  path: "/system/roles",
  group: "Admin",
  menu: "sys:role",
  needs: "sys:role:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "Roles"));
    const add = async () => {
      const fields = fieldsOf({ name: "", data_scope: "self", is_enabled: true, remark: "" });
      if (await edit({ title: "Add a role", fields, submit: "Add", path: PATH, said: "Added." })) await list.reload();
    };
    const list = listing(root, ctx, {
      path: PATH,
      caption: "Roles",
      sort: "id",
      filters: [
        { name: "name", label: "Name" },
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
      actions: [action(ctx, { label: "Add a role", needs: "sys:role:add", primary: true, run: add })],
      columns: [
        { label: "Name", sort: "name", cell: (role) => role.name },
        { label: "Sees", cell: (role) => Object.fromEntries(SCOPES)[role.data_scope] },
        { label: "State", sort: "is_enabled", cell: stateOf },
        { label: "Remark", class: "wide", cell: (role) => role.remark || "–" },
        { label: "Made", sort: "created_at", cell: (role) => time(role.created_at) },
        { label: "Actions", class: "row", cell: (role) => actions(ctx, role, () => list.reload()) },
      ],
      empty: "No roles.",
    });
    await list.ready;
    return list.update;
  },
};

const stateOf = (role) => (role.is_enabled ? badge("enabled", "good") : badge("disabled", "bad"));

const fieldsOf = (role) => [
  { name: "name", label: "Name", value: role.name, required: true },
  { name: "data_scope", label: "Its holders see", type: "select", options: SCOPES, value: role.data_scope },
  { name: "is_enabled", label: "Enabled", type: "checkbox", value: role.is_enabled },
  { name: "remark", label: "Remark", type: "textarea", rows: 2, value: role.remark },
];

function actions(ctx, role, reload) {
  const about = role.name;
  const path = `${PATH}/${role.id}`;
  const change = async () => {
    const fields = fieldsOf(role);
    if (await edit({ title: `Change ${about}`, fields, method: "PUT", path, said: "Saved." })) await reload();
  };
  const drop = async () => {
    const text = "Only a role that nobody has can be deleted.";
    if (await remove({ title: `Delete ${about}?`, text, path, said: `${about} is deleted.` })) await reload();
  };
  const mayGrant = ctx.may("sys:menu:list"); // whoever does not see the menus cannot choose among them
  return [
    mayGrant ? action(ctx, { label: "Menus", about, needs: "sys:role:grant", run: () => grant(role, path) }) : null,
    action(ctx, { label: "Change", about, needs: "sys:role:edit", run: change }),
    action(ctx, { label: "Delete", about, needs: "sys:role:delete", danger: true, run: drop }),
  ];
}

/** What a role's holders may open and do. */
async function grant(role, path) {
  const [tree, held] = await Promise.all([call("GET", "/admin/sys/menus"), call("GET", `${path}/menus`)]);
  const nodeOf = (menu) => ({ id: menu.id, label: labelOf(menu), children: menu.children.map(nodeOf) });
  const field = { name: "menu_ids", label: "Menus", type: "checks", nodes: tree.map(nodeOf), value: held.map(idOf) };
  await edit({
    title: `What ${role.name} may do`,
    text: "Choosing a directory or a page chooses all that is below it. It is felt at once by everybody with the role.",
    fields: [field],
    method: "PUT",
    path: `${path}/menus`,
    said: "Saved.",
  });
}

const idOf = (menu) => menu.id;
const labelOf = (menu) => [menu.title, menu.permission ? [" ", h("code", { class: "dim" }, menu.permission)] : null];
