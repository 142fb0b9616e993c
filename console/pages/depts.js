// The departments, as a tree.
import { call } from "../api.js";
import { h } from "../dom.js";
import { action, edit, remove } from "../ui/crud.js";
import { idOrNull, orNull } from "../ui/fields.js";
import { badge } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { choices } from "../ui/table.js";

const PATH = "/admin/sys/depts";
const NEW = { name: "", parent_id: null, sort: 0, leader: "", phone: "", email: "", is_enabled: true };

export default {
  title: "Departments",
  path: "/system/depts",
  group: "Admin",
  menu: "sys:dept",
  needs: "sys:dept:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "Departments"));
    const add = async (parent_id = null) => {
      const fields = await fieldsOf({ ...NEW, parent_id });
      const made = await edit({ title: "Add a department", fields, submit: "Add", path: PATH, said: "Added." });
      if (made) await list.reload();
    };
    const list = listing(root, ctx, {
      path: PATH,
      tree: true,
      caption: "Departments",
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
      actions: [action(ctx, { label: "Add a department", needs: "sys:dept:add", primary: true, run: () => add() })],
      columns: [
        { label: "Name", cell: (dept) => dept.name },
        { label: "Leader", cell: (dept) => dept.leader || "–" },
        { label: "Phone", cell: (dept) => dept.phone || "–" },
        { label: "E-mail", cell: (dept) => dept.email ?? "–" },
        { label: "Order", class: "number", cell: (dept) => String(dept.sort) },
        { label: "State", cell: (dept) => (dept.is_enabled ? badge("enabled", "good") : badge("disabled", "bad")) },
        { label: "Actions", class: "row", cell: (dept) => actions(ctx, dept, add, () => list.reload()) },
      ],
      empty: "No departments.",
    });
    await list.ready;
    return list.update;
  },
};

function actions(ctx, dept, add, reload) {
  const about = dept.name;
  const path = `${PATH}/${dept.id}`;
  const change = async () => {
    const fields = await fieldsOf(dept);
    if (await edit({ title: `Change ${about}`, fields, method: "PUT", path, said: "Saved." })) await reload();
  };
  const drop = async () => {
    const text = "Only a department without people and without departments below it can be deleted.";
    if (await remove({ title: `Delete ${about}?`, text, path, said: `${about} is deleted.` })) await reload();
  };
  return [
    action(ctx, { label: "Add below", about, needs: "sys:dept:add", run: () => add(dept.id) }),
    action(ctx, { label: "Change", about, needs: "sys:dept:edit", run: change }),
    action(ctx, { label: "Delete", about, needs: "sys:dept:delete", danger: true, run: drop }),
  ];
}

async function fieldsOf(dept) {
  const all = await call("GET", PATH); // not the list that is shown: it may be filtered
  return [
    { name: "name", label: "Name", value: dept.name, required: true },
    {
      name: "parent_id",
      label: "Below",
      type: "select",
      options: [["", "Nothing: at the top"], ...choices(all, "name", { except: dept.id })],
      value: dept.parent_id,
      parse: idOrNull,
    },
    { name: "leader", label: "Leader", value: dept.leader },
    { name: "phone", label: "Phone", type: "tel", value: dept.phone },
    { name: "email", label: "E-mail", type: "email", value: dept.email, parse: orNull },
    { name: "sort", label: "Order", type: "number", step: 1, required: true, value: dept.sort },
    { name: "is_enabled", label: "Enabled", type: "checkbox", value: dept.is_enabled },
  ];
}
