// One scheduler: what it is, what its fires came to, and what can be done to it.
import { call } from "../api.js";
import { external, h } from "../dom.js";
import { tell } from "../ui/banner.js";
import { action } from "../ui/crud.js";
import { confirm, formDialog, open, showOnce } from "../ui/dialog.js";
import { download } from "../ui/download.js";
import { badge, count, duration, facts, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { drop, linkTo, PATH, runNow, stateOf, target, turn, whenOf } from "./scheduler-parts.js";

const STATES = { pending: "busy", running: "busy", succeeded: "good", failed: "bad", cancelled: "", skipped: "" };
const MOST_SHOWN = 120; // characters of a result in the table; the details have all of them
const OVERLAPS = [
  ["", "one after the other"],
  ["skip", "leave out those that would overlap"],
  ["allow_all", "all at once"],
];

export default {
  title: "Scheduler's runs",
  path: `${PATH}/runs`,
  under: PATH,
  async render(root, ctx) {
    const id = ctx.params[0];
    if (!id) return ctx.go(PATH);
    const place = h("section", { class: "panel" });
    const head = h("h1", {}, "Scheduler");
    const show = async () => {
      const one = await call("GET", target(id), undefined, { signal: ctx.signal });
      head.textContent = one.name;
      place.replaceChildren(about(one), h("div", { class: "row" }, toolsOf(ctx, one, again)));
    };
    const again = async () => {
      await Promise.all([show(), list.reload()]);
    };
    root.append(head, place, h("h2", {}, "Runs"));
    await show();
    const list = listing(root, ctx, {
      path: target(id, "/runs"),
      caption: "Runs",
      filters: [
        { name: "status", label: "Outcome", options: [["", "Any"], ...Object.keys(STATES).map((one) => [one, one])] },
      ],
      columns: [
        { label: "Due", cell: (run) => time(run.scheduled_for ?? run.created_at) },
        { label: "By", cell: (run) => (run.trigger === "manual" ? "hand" : run.trigger) },
        { label: "Outcome", cell: (run) => badge(run.status, STATES[run.status]) },
        { label: "What it came to", class: "wide", cell: (run) => outcome(run) },
        { label: "Files", cell: (run) => filesOf(run, ctx) },
        { label: "Webhook", cell: (run) => run.webhook_status ?? "–" },
        {
          label: "Took",
          class: "number",
          cell: (run) => (run.started_at ? duration(run.started_at, run.finished_at) : "–"),
        },
        { label: "Open", class: "row", cell: (run) => linksOf(run, ctx) },
      ],
      unsettled: (run) => ["pending", "running"].includes(run.status),
      empty: "It has not fired yet.",
    });
    await list.ready;
    return list.update;
  },
};

function about(one) {
  return facts([
    ["State", stateOf(one)],
    ["Task", h("code", {}, one.task)],
    ["When", whenOf(one)],
    ["Next", time(one.next_run_time)],
    [
      "Arguments",
      h(
        "pre",
        { class: "block", tabindex: "0" },
        JSON.stringify({ ...one.kwargs, ...(one.args.length && { args: one.args }) }, null, 2),
      ),
    ],
  ]);
}

function toolsOf(ctx, one, again) {
  return [
    action(ctx, { label: "Run now", primary: true, run: () => runNow(one, again) }),
    action(ctx, { label: one.enabled ? "Turn off" : "Turn on", run: () => turn(one, again) }),
    h("a", { class: "button", href: linkTo("edit", one) }, "Change"),
    action(ctx, { label: "Backfill…", run: () => backfill(one, again) }),
    action(ctx, { label: "New secret…", run: () => renew(one) }),
    action(ctx, { label: "Delete", danger: true, run: () => drop(one, () => ctx.go(PATH)) }),
  ];
}

/** Run what would have run in a range of time. */
async function backfill(one, again) {
  let answer = null;
  const given = await formDialog({
    title: `Backfill “${one.name}”`,
    text: "Runs what would have run in this time, its ends included. Before it was made, or before its “not before”, nothing was due.",
    fields: [
      { name: "start_time", label: "From", type: "datetime", required: true },
      { name: "end_time", label: "Until", type: "datetime", required: true },
      { name: "overlap", label: "How", type: "select", options: OVERLAPS, parse: (text) => text || null },
    ],
    submit: "Run them",
    onsubmit: async (values) => {
      answer = await call("POST", target(one.id, "/backfill"), values);
    },
  });
  if (!given) return;
  tell(answer.runs ? `Runs that were due then: ${count(answer.runs)}.` : "Nothing was due in that time.");
  await again();
}

async function renew(one) {
  const text = "Webhooks and requests of this scheduler are signed with it from now on; the one before is void.";
  if (!(await confirm({ title: "A new secret?", text, action: "Make one", danger: true }))) return;
  const { secret } = await call("POST", target(one.id, "/secret"));
  await showOnce(`The secret of “${one.name}”`, secret);
}

function outcome(run) {
  if (run.error) return h("span", { class: "bad-text" }, run.error.detail ?? run.error.code ?? "failed");
  const plain = Object.entries(run.result ?? {}).filter(([, value]) => value !== null && typeof value !== "object");
  const text = plain.map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`).join(" · ");
  return (text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text) || "–";
}

function filesOf(run, ctx) {
  if (!run.artifacts.length) return "–";
  return run.artifacts.map((file) => {
    const path = `/agent/runs/${encodeURIComponent(run.run_id)}/artifacts/${encodeURIComponent(file.name)}`;
    const take = ctx.guard(() => download("GET", path, undefined, { signal: ctx.signal, name: file.name }));
    return h("button", { type: "button", class: "quiet", onclick: take }, file.name);
  });
}

function linksOf(run, ctx) {
  const moment = run.scheduled_for ?? run.created_at;
  const chat = async () => {
    const { thread_id: thread } = await call("GET", `/agent/runs/${encodeURIComponent(run.run_id)}`);
    ctx.go(thread ? `/chat/${encodeURIComponent(thread)}` : "/runs");
  };
  const shown = { ...run.result, ...(run.error && { error: run.error }) };
  return [
    run.run_id ? action(ctx, { label: "Chat", about: `of ${moment}`, run: chat }) : null,
    external(run.temporal_ui_url, "Temporal", { "aria-label": `Temporal UI: run of ${moment}` }),
    action(ctx, { label: "Details", about: `of ${moment}`, run: () => details(run, shown) }),
  ];
}

const details = (run, shown) =>
  open(
    "What the run came to",
    (close) => [
      facts([
        ["Task", h("code", {}, run.task)],
        ["Outcome", badge(run.status, STATES[run.status])],
        ["Due", time(run.scheduled_for)],
        ["Began", time(run.started_at)],
        ["Ended", time(run.finished_at)],
        ["Webhook", run.webhook_status ?? "none"],
      ]),
      h("h3", {}, "Result"),
      h("pre", { class: "block", tabindex: "0" }, JSON.stringify(shown, null, 2)),
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Close")),
    ],
    { wide: true },
  );
