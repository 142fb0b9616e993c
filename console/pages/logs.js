// The logs: who signed in, and what was changed by whom.
import { call, withQuery } from "../api.js";
import { h } from "../dom.js";
import { tell } from "../ui/banner.js";
import { action, remove } from "../ui/crud.js";
import { formDialog, open } from "../ui/dialog.js";
import { badge, facts, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";

const RESULTS = [
  ["", "Any"],
  ["true", "worked"],
  ["false", "failed"],
];
const METHODS = ["POST", "PUT", "PATCH", "DELETE"];
const PERIOD = [
  { name: "since", label: "From", type: "datetime" },
  { name: "until", label: "Until", type: "datetime" },
];

export const loginLogs = {
  title: "Login logs",
  path: "/log/login",
  group: "Admin",
  menu: "log:login",
  needs: "log:login:list",
  render: (root, ctx) =>
    logOf(root, ctx, {
      path: "/admin/log/login-logs",
      title: "Login logs",
      needs: "log:login:delete",
      filters: [
        { name: "username", label: "User name" },
        { name: "succeeded", label: "Result", options: RESULTS },
        ...PERIOD,
      ],
      columns: [
        { label: "Time", sort: "created_at", cell: (entry) => time(entry.created_at) },
        { label: "User name", sort: "username", cell: (entry) => entry.username },
        { label: "Result", cell: (entry) => (entry.succeeded ? badge("worked", "good") : badge("failed", "bad")) },
        { label: "What was said", class: "wide", cell: (entry) => entry.message },
        { label: "Address", cell: (entry) => entry.address ?? "–" },
        { label: "With", cell: withOf },
      ],
    }),
};

export const operaLogs = {
  title: "Operation logs",
  path: "/log/opera",
  group: "Admin",
  menu: "log:opera",
  needs: "log:opera:list",
  render: (root, ctx) =>
    logOf(root, ctx, {
      path: "/admin/log/opera-logs",
      title: "Operation logs",
      needs: "log:opera:delete",
      filters: [
        { name: "username", label: "User name" },
        { name: "method", label: "Method", options: [["", "Any"], ...METHODS.map((one) => [one, one])] },
        { name: "path", label: "Path" },
        { name: "succeeded", label: "Result", options: RESULTS },
        ...PERIOD,
      ],
      columns: [
        { label: "Time", sort: "created_at", cell: (entry) => time(entry.created_at) },
        { label: "User name", sort: "username", cell: (entry) => entry.username },
        { label: "Operation", class: "wide", cell: (entry) => entry.operation },
        {
          label: "Request",
          class: "wide",
          cell: (entry) => h("code", {}, `${entry.method} ${entry.path}`),
        },
        {
          label: "Status",
          sort: "status",
          cell: (entry) => badge(String(entry.status), entry.status < 400 ? "good" : "bad"),
        },
        { label: "Took", sort: "duration_ms", class: "number", cell: (entry) => `${entry.duration_ms.toFixed(1)} ms` },
      ],
    }),
};

const withOf = (entry) => [entry.browser, entry.os].filter(Boolean).join(" · ") || "–";

async function logOf(root, ctx, { path, title, needs, filters, columns }) {
  root.append(h("h1", {}, title));
  const list = listing(root, ctx, {
    path,
    caption: title,
    sort: "-id",
    filters,
    actions: [action(ctx, { label: "Delete old entries…", needs, danger: true, run: () => purge(path, list.reload) })],
    columns: [...columns, { label: "Actions", class: "row", cell: (entry) => actions(ctx, path, needs, entry, list) }],
    empty: "No entries.",
  });
  await list.ready;
  return list.update;
}

function actions(ctx, path, needs, entry, list) {
  const about = `entry ${entry.id}`;
  const drop = async () => {
    const text = "It cannot be brought back.";
    const target = `${path}/${entry.id}`;
    if (await remove({ title: "Delete this entry?", text, path: target, said: "Deleted." })) await list.reload();
  };
  return [
    action(ctx, { label: "Details", about, run: () => details(entry) }),
    action(ctx, { label: "Delete", about, needs, danger: true, run: drop }),
  ];
}

/** All that an entry says; of an operation, what it changed. */
function details(entry) {
  const pairs = [
    ["Time", time(entry.created_at)],
    ["User", `${entry.username}${entry.user_id ? ` (${entry.user_id})` : ""}`],
    ["Address", entry.address ?? "–"],
    ["Browser and system", withOf(entry)],
    ["User agent", entry.user_agent || "–"],
    ["Request", h("code", {}, entry.request_id)],
  ];
  if (entry.method)
    pairs.push(["Called", h("code", {}, `${entry.method} ${entry.path}${entry.query ? `?${entry.query}` : ""}`)]);
  else pairs.push(["What was said", entry.message]);
  const title = entry.operation ?? (entry.succeeded ? "Signed in" : "Sign-in that failed");
  const build = (close) => [
    facts(pairs),
    entry.changes?.length ? [h("h3", {}, "Changes"), entry.changes.map(changeTable)] : [],
    entry.body === undefined || entry.body === null
      ? []
      : [h("h3", {}, "Body"), h("pre", { class: "block", tabindex: "0" }, JSON.stringify(entry.body, null, 2))],
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Close")),
  ];
  return open(title, (close) => build(close).flat(Infinity), { wide: true });
}

/** The fields of one thing before and after. */
function changeTable({ thing, id, before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const text = (values, name) => (values && name in values ? JSON.stringify(values[name]) : "–");
  return h(
    "div",
    { class: "table" },
    h(
      "table",
      {},
      h("caption", {}, `${thing} ${id}`),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Field", "Before", "After"].map((label) => h("th", { scope: "col" }, label)),
        ),
      ),
      h(
        "tbody",
        {},
        names.map((name) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            h("td", { class: "wide" }, text(before, name)),
            h("td", { class: "wide" }, text(after, name)),
          ),
        ),
      ),
    ),
  );
}

async function purge(path, reload) {
  const field = { name: "before", label: "Delete all entries before", type: "datetime", required: true };
  const given = await formDialog({
    title: "Delete old entries",
    text: "They cannot be brought back. Entries older than the retention time are deleted in any case.",
    fields: [field],
    submit: "Delete",
    danger: true,
    onsubmit: ({ before }) => call("DELETE", withQuery(path, { before })),
  });
  if (!given) return;
  tell("Deleted.");
  await reload();
}
