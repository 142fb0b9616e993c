// MCP: one's own settings (Codex, Claude Code, servers) and the deployment's servers.
import { call, withQuery } from "../api.js";
import { external, fill, h } from "../dom.js";
import { bodyOf, fieldsOf, toolsOf } from "../mcp/servers.js";
import { tell } from "../ui/banner.js";
import { action, edit, remove } from "../ui/crud.js";
import { open } from "../ui/dialog.js";
import { badge, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";

const MINE = "/agent/user-settings/mcp";
const SHARED = "/agent/mcp/servers";
const TONES = { ready: "good", unavailable: "bad", awaits_consent: "busy" };

export default {
  title: "MCP",
  path: "/mcp",
  group: "Knowledge",
  async render(root, ctx) {
    const mine = h("section", { class: "wide", "aria-label": "My settings" });
    const shared = h("section", { class: "wide", "aria-label": "Servers of everyone" });
    root.append(h("h1", {}, "MCP"), mine, shared);
    await Promise.all([ownSettings(mine, ctx), sharedServers(shared, ctx)]);
  },
};

// One's own

async function ownSettings(root, ctx) {
  const agents = h("div", { class: "cards" });
  const reload = async () => {
    const path = withQuery(MINE, { size: 200 });
    const { items } = await call("GET", path, undefined, { signal: ctx.signal });
    const [codex, claude] = ["codex", "claude-code"].map((type) => items.find((one) => one.tool_type === type) ?? null);
    fill(agents, codexCard(ctx, codex, reload), claudeCard(ctx, claude, reload));
    await list.reload();
  };
  root.append(h("h2", {}, "My settings"), agents);
  const list = listing(root, ctx, {
    path: MINE,
    caption: "My settings",
    size: 200,
    actions: [
      h("button", { type: "button", class: "primary", onclick: ctx.guard(() => addOwn(ctx, reload)) }, "Add a server…"),
    ],
    columns: [
      { label: "Name", cell: (one) => one.tool_type },
      { label: "Address", class: "wide", cell: (one) => h("span", { class: "file" }, one.url ?? "") },
      { label: "State", cell: (one) => [one.is_active ? badge("on", "good") : badge("off"), why(one)] },
      { label: "Changed", cell: (one) => time(one.updated_at) },
      { label: "Actions", class: "row", cell: (one) => ownActions(ctx, one, reload) },
    ],
    empty: "Nothing is set.",
  });
  await reload();
}

const why = ({ error }) => (error ? h("small", { class: "bad-text reason" }, error) : null);

function card(title, text, ...actions) {
  return h(
    "section",
    { class: "card", "aria-label": title },
    h("h3", {}, title),
    h("p", { class: "dim" }, text),
    h("div", { class: "row" }, actions),
  );
}

function codexCard(ctx, found, reload) {
  const set = async () => {
    const efforts = ["minimal", "low", "medium", "high"].map((one) => [one, one]);
    const fields = [
      {
        name: "apikey",
        label: "API key",
        type: "password",
        value: found?.apikey,
        required: true,
        autocomplete: "off",
        hint: found ? "As it is shown, it stays." : "",
      },
      { name: "model", label: "Model", value: found?.model ?? "gpt-4o", required: true },
      {
        name: "model_reasoning_effort",
        label: "Effort",
        type: "select",
        options: efforts,
        value: found?.model_reasoning_effort ?? "medium",
      },
      { name: "search", label: "May search the web", type: "checkbox", value: found?.search },
    ];
    if (await edit({ title: "Codex", fields, submit: "Save", path: `${MINE}/codex`, said: "Codex is set." }))
      await reload();
  };
  const text = found
    ? `${found.model}, ${found.model_reasoning_effort} effort, key ${found.apikey}`
    : "Codex in your sandboxes, with your key.";
  return card(
    "Codex",
    text,
    h("button", { type: "button", onclick: ctx.guard(set) }, found ? "Change Codex…" : "Set Codex…"),
  );
}

function claudeCard(ctx, found, reload) {
  const set = async () => {
    const { url } = await call("GET", `${MINE}/claude-code/authorize`, undefined, { signal: ctx.signal });
    const above = h("p", {}, "1. ", external(url, "Open Anthropic's page"), ", consent, and copy what it shows.");
    const field = {
      name: "authorization_code",
      label: "2. What the page shows",
      required: true,
      autocomplete: "off",
      above,
    };
    const path = `${MINE}/claude-code`;
    if (
      await edit({ title: "Claude Code", fields: [field], submit: "Sign in", path, said: "Claude Code is signed in." })
    )
      await reload();
  };
  const text = found
    ? `Signed in, with ${found.scopes.join(", ")}`
    : "Claude Code in your sandboxes, with your account.";
  return card(
    "Claude Code",
    text,
    h("button", { type: "button", onclick: ctx.guard(set) }, found ? "Sign in anew…" : "Sign in…"),
  );
}

async function addOwn(ctx, reload) {
  const made = await edit({
    title: "Add a server of mine",
    fields: fieldsOf(),
    submit: "Connect",
    path: `${MINE}/custom`,
    bodyOf,
  });
  if (!made) return;
  await consent(made);
  await reload();
}

function ownActions(ctx, one, reload) {
  const { tool_type: name, is_active: on } = one;
  const path = `${MINE}/${encodeURIComponent(name)}`;
  const toggle = async () => {
    await call("PATCH", `${path}/toggle`, { is_active: !on }, { signal: ctx.signal });
    await reload();
  };
  const change = () => changeServer(one, `${MINE}/custom/${encodeURIComponent(name)}`, reload);
  const gone = async () => {
    if (await remove({ title: `Delete ${name}?`, text: "Its secrets will be gone as well.", path })) await reload();
  };
  const button = (label, run) => action(ctx, { label, about: name, run });
  const own = one.url ? [button("Tools", () => showTools(one)), button("Change", change)] : null;
  return [button(on ? "Turn off" : "Turn on", toggle), own, button("Delete", gone)];
}

// Everyone's

async function sharedServers(root, ctx) {
  const reload = () => list.reload();
  const add = async () => {
    const made = await edit({
      title: "Add a server for everyone",
      fields: fieldsOf(),
      submit: "Connect",
      path: SHARED,
      bodyOf,
    });
    if (made) await consent(made);
    if (made) await reload();
  };
  root.append(h("h2", {}, "Servers of everyone"));
  const list = listing(root, ctx, {
    path: SHARED,
    caption: "Servers of everyone",
    size: 200,
    actions: [action(ctx, { label: "Add a server for everyone…", needs: "agent:mcp:add", primary: true, run: add })],
    columns: [
      { label: "Name", cell: (one) => one.name },
      { label: "Address", class: "wide", cell: (one) => h("span", { class: "file" }, one.url) },
      { label: "State", cell: (one) => [badge(one.status.replace("_", " "), TONES[one.status]), why(one)] },
      { label: "Tools", class: "number", cell: (one) => one.tools.length },
      { label: "Actions", class: "row", cell: (one) => sharedActions(ctx, one, reload) },
    ],
    empty: "This deployment has no MCP servers.",
  });
  await list.ready;
}

function sharedActions(ctx, one, reload) {
  const path = `${SHARED}/${encodeURIComponent(one.name)}`;
  const gone = async () => {
    if (await remove({ title: `Delete ${one.name}?`, text: "Nobody's agents will have its tools any more.", path }))
      await reload();
  };
  const button = (label, run, needs) => action(ctx, { label, about: one.name, run, needs });
  return [
    button("Tools", () => showTools(one)),
    button("Change", () => changeServer(one, path, reload), "agent:mcp:edit"),
    button("Delete", gone, "agent:mcp:delete"),
  ];
}

// Both

async function changeServer(one, path, reload) {
  const changed = await edit({
    title: `Change ${one.name}`,
    fields: fieldsOf(one),
    submit: "Connect",
    method: "PUT",
    path,
    bodyOf,
  });
  if (!changed) return;
  await consent(changed);
  tell(`${one.name} is changed.`);
  await reload();
}

const showTools = (one) =>
  open(
    `Tools of ${one.name}`,
    (close) => [
      toolsOf(one),
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Close")),
    ],
    { wide: true },
  );

/** Where the server's owner must agree first, the way there. */
async function consent({ name, authorization_url: url }) {
  if (!url) return;
  await open(`Consent for ${name}`, (close) => [
    h("p", {}, "The server wants your consent before its tools can be used: ", external(url, "open its page"), "."),
    h("div", { class: "row end" }, h("button", { type: "button", class: "primary", onclick: () => close() }, "Done")),
  ]);
}
