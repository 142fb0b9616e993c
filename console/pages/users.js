// People: whom the signed-in user reaches.
import { call } from "../api.js";
import { h } from "../dom.js";
import { tell } from "../ui/banner.js";
import { action, edit, remove } from "../ui/crud.js";
import { confirm, formDialog, showOnce } from "../ui/dialog.js";
import { idOrNull, orNull } from "../ui/fields.js";
import { badge, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { choices } from "../ui/table.js";
import { addCredits } from "./credits.js";

const PATH = "/admin/sys/users";

export default {
  title: "Users",
  path: "/system/users",
  group: "Admin",
  menu: "sys:user",
  needs: "sys:user:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "Users"));
    const { depts, roles } = await known(ctx);
    const add = async () => {
      if (await addUser(depts, roles)) await list.reload();
    };
    const list = listing(root, ctx, {
      path: PATH,
      caption: "Users",
      sort: "id",
      filters: filtersOf(depts, roles),
      actions: [action(ctx, { label: "Add a user", needs: "sys:user:add", primary: true, run: add })],
      columns: [
        { label: "User name", sort: "username", cell: nameOf },
        { label: "Nickname", sort: "nickname", cell: (user) => user.nickname || "–" },
        { label: "Department", cell: (user) => user.dept_name ?? "–" },
        { label: "Roles", class: "wide", cell: (user) => user.roles.map((role) => role.name).join(", ") || "–" },
        { label: "State", sort: "is_enabled", cell: stateOf },
        { label: "Last login", sort: "last_login_at", cell: (user) => time(user.last_login_at) },
        { label: "Actions", class: "row", cell: (user) => actions(ctx, user, depts, roles, () => list.reload()) },
      ],
      empty: "Nobody is like that.",
    });
    await list.ready;
    return list.update;
  },
};

/** The departments and roles to choose from; none where the user may not see them. */
async function known(ctx) {
  const read = (needs, path) => (ctx.may(needs) ? call("GET", path, undefined, { signal: ctx.signal }) : null);
  const [depts, roles] = await Promise.all([
    read("sys:dept:list", "/admin/sys/depts"),
    read("sys:role:list", "/admin/sys/roles/all"),
  ]);
  return { depts: depts && choices(depts, "name"), roles };
}

function filtersOf(depts, roles) {
  const any = ["", "Any"];
  return [
    { name: "keyword", label: "Search" },
    depts && { name: "dept_id", label: "Department", options: [any, ...depts] },
    roles && { name: "role_id", label: "Role", options: [any, ...roles.map((role) => [role.id, role.name])] },
    { name: "is_enabled", label: "State", options: [any, ["true", "enabled"], ["false", "disabled"]] },
  ].filter(Boolean);
}

const nameOf = (user) => [user.username, user.is_superuser ? [" ", badge("superuser", "busy")] : null];
const stateOf = (user) => (user.is_enabled ? badge("enabled", "good") : badge("disabled", "bad"));

function fieldsOf(user, depts, roles) {
  return [
    { name: "nickname", label: "Nickname", value: user.nickname, required: Boolean(user.nickname) },
    { name: "email", label: "E-mail", type: "email", value: user.email, parse: orNull },
    { name: "phone", label: "Phone", type: "tel", value: user.phone },
    depts && {
      name: "dept_id",
      label: "Department",
      type: "select",
      options: [["", "None"], ...depts],
      value: user.dept_id,
      parse: idOrNull,
    },
    { name: "is_enabled", label: "May sign in", type: "checkbox", value: user.is_enabled },
    roles && {
      name: "role_ids",
      label: "Roles",
      type: "checks",
      nodes: roles.map((role) => ({ id: role.id, label: role.is_enabled ? role.name : `${role.name} (disabled)` })),
      value: user.roles.map((role) => role.id),
    },
  ].filter(Boolean);
}

const nameField = (value) => ({ name: "username", label: "User name", value, required: true, autocomplete: "off" });

function addUser(depts, roles) {
  const password = {
    name: "password",
    label: "Password",
    type: "password",
    required: true,
    autocomplete: "new-password",
  };
  const fields = [nameField(""), password, ...fieldsOf({ nickname: "", is_enabled: true, roles: [] }, depts, roles)];
  return edit({ title: "Add a user", fields, submit: "Add", path: PATH, said: "The user is added." });
}

function actions(ctx, user, depts, roles, reload) {
  const about = user.username;
  const path = `${PATH}/${user.id}`;
  const change = async () => {
    const fields = [nameField(user.username), ...fieldsOf(user, depts, roles)];
    const bodyOf = ({ nickname, ...values }) => ({ ...values, ...(nickname && { nickname }) });
    if (await edit({ title: `Change ${about}`, fields, method: "PUT", path, bodyOf, said: "Saved." })) await reload();
  };
  const drop = async () => {
    const text = `${about} can no longer sign in, and all sessions end. What the logs say of ${about} stays.`;
    if (await remove({ title: `Delete ${about}?`, text, path, said: `${about} is deleted.` })) await reload();
  };
  return [
    action(ctx, { label: "Change", about, needs: "sys:user:edit", run: change }),
    action(ctx, { label: "Password", about, needs: "sys:user:password", run: () => resetPassword(user, path) }),
    action(ctx, { label: "Rights", about, needs: "sys:user:superuser", run: () => raise(user, path, reload) }),
    addCredits(ctx, { user_id: user.id, username: about }),
    action(ctx, { label: "Delete", about, needs: "sys:user:delete", danger: true, run: drop }),
  ];
}

/** A new password: the given one, or one that the server makes and tells once. */
async function resetPassword(user, path) {
  let made = null;
  const field = {
    name: "password",
    label: "New password",
    type: "password",
    autocomplete: "new-password",
    hint: "Left empty, one is made and shown once.",
    parse: (text) => text || null,
  };
  const given = await formDialog({
    title: `Set the password of ${user.username}`,
    text: "All sessions of this user end.",
    fields: [field],
    submit: "Set",
    onsubmit: async (values) => {
      made = (await call("PUT", `${path}/password`, values)).password;
    },
  });
  if (!given) return;
  if (!made) tell("The password is set.");
  else await showOnce(`The new password of ${user.username}`, made);
}

async function raise(user, path, reload) {
  const wanted = !user.is_superuser;
  const agreed = await confirm({
    title: wanted ? `Make ${user.username} a superuser?` : `${user.username} no longer a superuser?`,
    text: wanted
      ? "A superuser may do everything, whatever the roles say."
      : "From then on the roles say what this user may do.",
    action: wanted ? "Make a superuser" : "Take the right away",
    danger: true,
  });
  if (!agreed) return;
  await call("PUT", `${path}/superuser`, { is_superuser: wanted });
  tell("Saved.");
  await reload();
}
