// Schedulers: the list, and the page of the form.
import { call } from "../api.js";
import { h, randomKey } from "../dom.js";
import { tell } from "../ui/banner.js";
import { action } from "../ui/crud.js";
import { count, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { schedulerForm } from "./scheduler-form.js";
import { API, drop, linkTo, PATH, runNow, stateOf, target, turn, whenOf } from "./scheduler-parts.js";

export const schedulers = {
  title: "Schedulers",
  path: PATH,
  async render(root, ctx) {
    root.append(h("h1", {}, "Schedulers"));
    const { items: tasks } = await call("GET", "/task/registered?size=200", undefined, { signal: ctx.signal });
    const list = listing(root, ctx, {
      path: API,
      caption: "Schedulers",
      filters: [
        { name: "name", label: "Name" },
        { name: "task", label: "Task", options: [["", "Any"], ...tasks.map(({ name }) => [name, name])] },
        {
          name: "enabled",
          label: "State",
          options: [
            ["", "Any"],
            ["true", "on"],
            ["false", "off"],
          ],
        },
        ctx.user.is_superuser && {
          name: "all",
          label: "Whose",
          options: [
            ["", "mine"],
            ["true", "everybody's"],
          ],
        },
      ].filter(Boolean),
      actions: [h("a", { class: "button primary", href: `#${PATH}/edit` }, "New scheduler")],
      columns: [
        { label: "Name", class: "wide", cell: (one) => nameOf(one, ctx) },
        { label: "Task", cell: (one) => h("code", {}, one.task) },
        { label: "When", class: "wide", cell: whenOf },
        { label: "Next", cell: (one) => time(one.next_run_time) },
        { label: "Last", cell: (one) => time(one.last_run_time) },
        { label: "Runs", class: "number", cell: (one) => count(one.total_run_count) },
        { label: "State", cell: stateOf },
        { label: "Actions", class: "row", cell: (one) => rowActions(ctx, one, () => list.reload()) },
      ],
      empty: "No schedulers.",
    });
    await list.ready;
    return list.update;
  },
};

const isMine = (one, ctx) => one.user_id === ctx.user.id;

function nameOf(one, ctx) {
  if (!isMine(one, ctx)) return [one.name, h("div", { class: "dim" }, `of user ${one.user_id}`)];
  return h("a", { href: linkTo("runs", one) }, one.name);
}

function rowActions(ctx, one, reload) {
  if (!isMine(one, ctx)) return null;
  const about = one.name;
  return [
    action(ctx, { label: "Run now", about, run: () => runNow(one, reload) }),
    action(ctx, { label: one.enabled ? "Turn off" : "Turn on", about, run: () => turn(one, reload) }),
    h("a", { href: linkTo("edit", one), "aria-label": `Change ${about}` }, "Change"),
    action(ctx, { label: "Delete", about, danger: true, run: () => drop(one, reload) }),
  ];
}

export const schedule = {
  title: "Scheduler",
  path: `${PATH}/edit`,
  under: PATH,
  async render(root, ctx) {
    const id = ctx.params[0];
    const read = (path) => call("GET", path, undefined, { signal: ctx.signal });
    const [{ items: tasks }, one] = await Promise.all([
      read("/task/registered?size=200"),
      id ? read(target(id)) : null,
    ]);
    root.append(h("h1", {}, one ? `Change “${one.name}”` : "New scheduler"));
    const key = randomKey();
    const save = async (body) => {
      // What somebody else has changed meanwhile is not written over.
      const saved = one
        ? await call("PUT", target(id), body, { headers: { "If-Match": `"${one.version}"` } })
        : await call("POST", API, body, { headers: { "Idempotency-Key": key } });
      tell("Saved.");
      ctx.go(`${PATH}/runs/${saved.id}`);
    };
    const made = schedulerForm({ ctx, tasks, one, save, back: () => ctx.go(PATH) });
    root.append(made.node);
    if (!one) made.focus();
  },
};
