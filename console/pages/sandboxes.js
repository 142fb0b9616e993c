// Sandboxes: one's machines, and one of them (`/sandboxes/<id>`, with its files at `/sandboxes/<id>/files?path=…`).
import { call } from "../api.js";
import { fill, h } from "../dom.js";
import { SANDBOXES, lives, pathOf, stateBadge } from "../sandbox/api.js";
import { Machine } from "../sandbox/machine.js";
import { confirm, formDialog } from "../ui/dialog.js";
import { time } from "../ui/format.js";
import { orNull } from "../ui/fields.js";
import { listing } from "../ui/listing.js";

export default {
  title: "Sandboxes",
  path: "/sandboxes",
  group: "Sandboxes",
  async render(root, ctx) {
    let visit = null; // to the list, or to one sandbox: `{id, controller, update}`
    async function open(next) {
      const [id] = next.params;
      if (visit?.update && visit.id === id) return visit.update(next);
      visit?.controller.abort();
      const mine = (visit = { id, controller: new AbortController(), update: null });
      fill(root);
      const signal = AbortSignal.any([ctx.signal, mine.controller.signal]);
      mine.update = await (id ? one : list)(root, { ...next, signal });
      return undefined;
    }
    await open(ctx);
    return open;
  },
};

async function one(root, ctx) {
  const [id] = ctx.params;
  const machine = new Machine(ctx, id, () => remove(id));
  root.append(machine.node);
  await machine.load();
  machine.show(ctx).catch(ctx.report);
  return (next) => machine.show(next);
}

async function list(root, ctx) {
  root.append(h("h1", {}, "Sandboxes"));
  const make = h("button", { type: "button", class: "primary", onclick: ctx.guard(() => create(ctx)) }, "New sandbox…");
  const found = listing(root, ctx, {
    path: SANDBOXES,
    caption: "Sandboxes",
    filters: [
      {
        name: "status",
        label: "Status",
        options: ["", "creating", "running", "paused", "failed", "lost", "expired"].map((one) => [one, one || "Any"]),
      },
    ],
    actions: [make],
    columns: [
      {
        label: "Sandbox",
        cell: (box) => h("a", { href: `#/sandboxes/${box.sandbox_id}` }, box.session_id ?? box.sandbox_id),
      },
      { label: "Status", cell: (box) => h("span", { title: box.reason || null }, stateBadge(box)) },
      { label: "Template", cell: (box) => box.template_id },
      { label: "Made", cell: (box) => time(box.created_at) },
      { label: "Until", cell: (box) => time(box.expires_at) },
      { label: "Actions", class: "row", cell: (box) => actions(box, ctx, () => found.reload()) },
    ],
    empty: "No sandboxes. Agents make one when they need it; you can make one here.",
  });
  await found.ready;
  return found.update;
}

function actions(box, ctx, reload) {
  const name = box.session_id ?? box.sandbox_id;
  const button = (text, work) =>
    h("button", { type: "button", "aria-label": `${text} ${name}`, onclick: ctx.guard(work) }, text);
  const pause = button("Pause", async () => {
    await call("POST", pathOf(box.sandbox_id, "/pause"));
    await reload();
  });
  const gone = button("Delete", async () => {
    if (await remove(box.sandbox_id)) await reload();
  });
  return [lives(box) && box.status === "running" ? pause : null, gone];
}

/** Resolves to whether it was deleted. */
async function remove(id) {
  const text = "Its files and what runs in it will be gone. Its slides are kept.";
  if (!(await confirm({ title: "Delete this sandbox?", text, action: "Delete", danger: true }))) return false;
  await call("DELETE", pathOf(id));
  return true;
}

async function create(ctx) {
  const fields = [
    {
      name: "session_id",
      label: "Name",
      hint: "Optional; while a sandbox of this name lives, you get that one.",
      parse: orNull,
    },
    { name: "template_id", label: "Template", hint: "Empty: the usual one.", parse: orNull },
    {
      name: "timeout_seconds",
      label: "Paused after (seconds)",
      type: "number",
      hint: "From 30 to 86,400; empty: the usual time.",
    },
  ];
  let made = null;
  await formDialog({
    title: "New sandbox",
    fields,
    submit: "Make it",
    onsubmit: async (values) => {
      made = await call("POST", SANDBOXES, values, { signal: ctx.signal });
    },
  });
  if (made) ctx.go(`/sandboxes/${made.sandbox_id}`);
}
