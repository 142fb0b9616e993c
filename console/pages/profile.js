// Oneself: what one is called, the password, the accounts elsewhere that open this one.
import { call, enter, leaveToSignIn } from "../api.js";
import { fill, h } from "../dom.js";
import { tell } from "../ui/banner.js";
import { confirm } from "../ui/dialog.js";
import { orNull } from "../ui/fields.js";
import { form } from "../ui/form.js";
import { facts, panel, time } from "../ui/format.js";

const ME = "/admin/sys/users/me";
const SCOPES = {
  self: "yourself",
  dept: "your department",
  dept_and_below: "your department and those below",
  all: "everybody",
};

export default {
  title: "Profile",
  path: "/profile",
  group: "Account",
  async render(root, ctx) {
    const me = await call("GET", ME, undefined, { signal: ctx.signal });
    const links = h("div", {}, h("p", { class: "dim" }, "Loading…"));
    root.append(
      h("h1", {}, "Profile"),
      h(
        "div",
        { class: "cards" },
        panel("About you", aboutForm(me)),
        panel("Password", passwordForm()),
        panel("Accounts elsewhere", links),
        panel("Your rights", rightsOf(me)),
      ),
    );
    await showLinks(links, ctx);
  },
};

function aboutForm(me) {
  const fields = [
    { name: "nickname", label: "Nickname", value: me.nickname, required: true, autocomplete: "nickname" },
    { name: "email", label: "E-mail", type: "email", value: me.email, parse: orNull, autocomplete: "email" },
    { name: "phone", label: "Phone", type: "tel", value: me.phone, autocomplete: "tel" },
    { name: "avatar", label: "Address of a picture", type: "url", value: me.avatar, hint: "https://…" },
  ];
  const onsubmit = async (values) => {
    await call("PUT", ME, values);
    tell("Saved.");
  };
  return form({ fields, onsubmit }).node;
}

function passwordForm() {
  const fields = [
    {
      name: "old_password",
      label: "Present password",
      type: "password",
      autocomplete: "current-password",
      required: true,
    },
    { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", required: true },
    { name: "again", label: "New password, again", type: "password", autocomplete: "new-password", required: true },
  ];
  const made = form({ fields, submit: "Change the password", onsubmit });

  async function onsubmit({ again, ...passwords }) {
    if (again !== passwords.new_password)
      throw Object.assign(new Error(), { errors: [{ loc: ["again"], msg: "The two are not the same." }] });
    enter(await call("PUT", `${ME}/password`, passwords));
    made.node.reset();
    tell("Your password is changed. Your other sessions have ended.");
  }
  return made.node;
}

function rightsOf(me) {
  return [
    facts([
      ["User name", me.username],
      ["Department", me.dept?.name ?? "–"],
      ["Roles", me.roles.map((role) => role.name).join(", ") || "–"],
      ["You see", me.is_superuser ? SCOPES.all : SCOPES[me.data_scope]],
    ]),
    me.is_superuser
      ? h("p", {}, "You are a superuser: you may do everything.")
      : h(
          "details",
          { class: "fold" },
          h("summary", {}, `${me.permissions.length} permissions`),
          h(
            "ul",
            {},
            me.permissions.map((one) => h("li", {}, h("code", {}, one))),
          ),
        ),
  ];
}

/** The providers of this server and what is linked there. */
async function showLinks(place, ctx) {
  const read = (path) => call("GET", path, undefined, { signal: ctx.signal });
  const [{ providers }, links] = await Promise.all([
    read("/admin/oauth2/providers"),
    read("/admin/oauth2/links?size=200"),
  ]);
  const linked = new Map(links.items.map((link) => [link.provider, link]));
  const offered = new Map(providers.map(({ name, title }) => [name, title]));
  const names = [...new Set([...offered.keys(), ...linked.keys()])];
  const again = () => showLinks(place, ctx);
  fill(
    place,
    names.length
      ? names.map((name) => linkOf(name, { title: offered.get(name), link: linked.get(name), ctx, again }))
      : h("p", { class: "dim" }, "This server offers no other way to sign in."),
  );
}

function linkOf(name, { title = name, link, ctx, again }) {
  const unlink = async () => {
    const text = `You can then no longer sign in with ${link.login} of ${title}.`;
    if (!(await confirm({ title: `Unlink ${title}?`, text, action: "Unlink", danger: true }))) return;
    await call("DELETE", `/admin/oauth2/${name}/link`);
    tell("Unlinked.");
    await again();
  };
  const begin = async () => {
    const { url } = await call("POST", `/admin/oauth2/${name}/link?mode=console`);
    leaveToSignIn("/profile");
    location.assign(url);
  };
  const button = (text, run, tone = "") => h("button", { type: "button", class: tone, onclick: ctx.guard(run) }, text);
  const used = link?.last_used_at ? ["last used ", time(link.last_used_at)] : ["linked ", time(link?.created_at)];
  return h(
    "div",
    { class: "row linked" },
    h(
      "div",
      { class: "grow" },
      h("strong", {}, title),
      link ? h("div", { class: "dim" }, link.login, ", ", used) : null,
    ),
    link ? button(`Unlink ${title}`, unlink, "danger") : button(`Link ${title}`, begin),
  );
}
