// The machine, Temporal's queues, Redis, and who is signed in.
import { call } from "../api.js";
import { fill, h } from "../dom.js";
import { action, remove } from "../ui/crud.js";
import { badge, bytes, count, duration, facts, panel, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { table } from "../ui/table.js";

const EVERY_MS = 5_000;

export const server = {
  title: "Server",
  path: "/monitor/server",
  group: "Admin",
  menu: "monitor:server",
  needs: "monitor:server:view",
  render: (root, ctx) => watched(root, ctx, { title: "Server", path: "/admin/monitor/server", draw: serverOf }),
};

export const redis = {
  title: "Redis",
  path: "/monitor/redis",
  group: "Admin",
  menu: "monitor:redis",
  needs: "monitor:redis:view",
  render: (root, ctx) => watched(root, ctx, { title: "Redis", path: "/admin/monitor/redis", draw: redisOf }),
};

export const sessions = {
  title: "Sessions",
  path: "/monitor/sessions",
  group: "Admin",
  menu: "monitor:session",
  needs: "monitor:session:list",
  async render(root, ctx) {
    root.append(h("h1", {}, "Who is signed in"));
    const list = listing(root, ctx, {
      path: "/admin/monitor/sessions",
      caption: "Sessions",
      sort: "-refreshed_at",
      filters: [{ name: "keyword", label: "Search" }],
      columns: [
        {
          label: "User",
          cell: (one) => [one.username, one.nickname ? h("div", { class: "dim" }, one.nickname) : null],
        },
        { label: "Address", cell: (one) => one.address ?? "–" },
        { label: "With", class: "wide", cell: (one) => one.user_agent || "–" },
        { label: "Since", sort: "created_at", cell: (one) => time(one.created_at) },
        { label: "Last renewed", sort: "refreshed_at", cell: (one) => time(one.refreshed_at) },
        { label: "Ends", sort: "expires_at", cell: (one) => time(one.expires_at) },
        { label: "Actions", class: "row", cell: (one) => signOut(ctx, one, () => list.reload()) },
      ],
      empty: "No sessions.",
    });
    await list.ready;
    return list.update;
  },
};

function signOut(ctx, one, reload) {
  const run = async () => {
    const title = `Sign ${one.username} out?`;
    const text = "The session ends at once, and what it follows is cut. Runs go on; other sessions stay.";
    const path = `/admin/monitor/sessions/${encodeURIComponent(one.id)}`;
    if (await remove({ title, text, path, word: "Sign out", said: "The session has ended." })) await reload();
  };
  return action(ctx, { label: "Sign out", about: one.username, needs: "monitor:session:delete", danger: true, run });
}

/** A state that is looked at again and again while the page is open and in sight. */
async function watched(root, ctx, { title, path, draw }) {
  const place = h("div", {}, h("p", { class: "empty" }, "Loading…"));
  const at = h("span", { class: "dim" });
  const look = async () => {
    const state = await call("GET", path, undefined, { signal: ctx.signal });
    fill(place, draw(state));
    fill(at, "As of ", new Date().toLocaleTimeString());
  };
  const refresh = h("button", { type: "button", onclick: ctx.guard(look) }, "Refresh");
  root.append(h("h1", {}, title), h("div", { class: "row toolbar" }, at, h("span", { class: "grow" }), refresh), place);
  await look();
  const again = setInterval(() => {
    if (document.visibilityState === "visible") look().catch(ctx.report);
  }, EVERY_MS);
  ctx.signal.addEventListener("abort", () => clearInterval(again));
}

/** A share as a bar and in words. */
function share(label, percent, text) {
  const meter = h("meter", { min: 0, max: 100, low: 70, high: 90, optimum: 0, "aria-label": label, value: percent });
  return h(
    "div",
    { class: "share" },
    meter,
    h("span", {}, `${percent.toFixed(0)} %`),
    h("span", { class: "dim" }, text),
  );
}

function serverOf({ cpu, memory, disk, process, python, host, versions, temporal }) {
  return [
    h(
      "div",
      { class: "cards" },
      panel(
        "Processor",
        share("Processor", cpu.percent, `${cpu.cores} cores`),
        facts([["Load (1, 5, 15 min)", cpu.load.map((one) => one.toFixed(2)).join(" · ")]]),
      ),
      panel(
        "Memory",
        share("Memory", memory.percent, `${bytes(memory.available)} of ${bytes(memory.total)} free`),
        facts([["Swap", `${bytes(memory.swap_used)} of ${bytes(memory.swap_total)}`]]),
      ),
      panel("Disk", share("Disk", disk.percent, `${bytes(disk.free)} of ${bytes(disk.total)} free`)),
      panel(
        "This process",
        facts([
          ["Up", duration(process.started_at)],
          ["Memory", bytes(process.memory_rss)],
          ["Processor", `${process.cpu_percent.toFixed(0)} %`],
          ["Threads", count(process.threads)],
          ["Open files", process.open_files === null ? "–" : count(process.open_files)],
        ]),
      ),
      panel(
        "Software",
        facts([
          ["Python", `${python.version} (${python.implementation})`],
          ["System", `${host.system} ${host.release}, ${host.machine}`],
          ...Object.entries(versions),
        ]),
      ),
      panel("Running workflows", runningOf(temporal.running)),
    ),
    queuesOf(temporal),
  ];
}

function runningOf(running) {
  const kinds = Object.entries(running)
    .filter(([, number]) => number)
    .sort(([, a], [, b]) => b - a);
  return kinds.length ? facts(kinds.map(([kind, number]) => [kind, count(number)])) : h("p", { class: "dim" }, "None.");
}

function queuesOf({ queues, error }) {
  const columns = [
    { label: "Queue", cell: (queue) => queue.name },
    { label: "Of", cell: (queue) => queue.kind },
    { label: "Workers", cell: (queue) => pollersOf(queue.pollers) },
    { label: "Backlog", class: "number", cell: (queue) => (queue.backlog ? badge(count(queue.backlog), "busy") : "0") },
    {
      label: "Oldest waits",
      class: "number",
      cell: (queue) => (queue.backlog ? `${queue.backlog_age_seconds.toFixed(1)} s` : "–"),
    },
  ];
  return [
    h("h2", {}, "Temporal's task queues"),
    error ? h("p", { class: "bad-text", role: "alert" }, error) : null,
    h("div", { class: "table" }, table({ caption: "Task queues", columns, items: queues, empty: "No queues." })),
  ];
}

function pollersOf(pollers) {
  const names = [...new Set(pollers.map((one) => one.identity))];
  return names.length ? badge(count(names.length), "good") : badge("none", "bad");
}

/** A figure of Redis: those of memory are bytes, and a limit of 0 is none. */
function told(name, value) {
  if (!/^(used_memory|maxmemory)/.test(name) || typeof value !== "number") return String(value);
  return name === "maxmemory" && value === 0 ? "no limit" : bytes(value);
}

function redisOf({ info, memory, commands, keys, keys_by_prefix: prefixes, keys_scanned: scanned }) {
  const some = scanned < keys ? `, of ${count(scanned)} that were looked at` : "";
  const pairs = (values) =>
    Object.entries(values).map(([name, value]) => [name.replaceAll("_", " "), told(name, value)]);
  return [
    h("div", { class: "cards" }, panel("State", facts(pairs(info))), panel("Memory", facts(pairs(memory)))),
    h("h2", {}, `${count(keys)} keys${some}`),
    h(
      "div",
      { class: "table" },
      table({
        caption: "Keys by prefix",
        columns: [
          { label: "Prefix", cell: (one) => h("code", {}, one.prefix) },
          { label: "Keys", class: "number", cell: (one) => count(one.keys) },
        ],
        items: prefixes,
        empty: "No keys.",
      }),
    ),
    h("h2", {}, "Commands"),
    h(
      "div",
      { class: "table" },
      table({
        caption: "Commands",
        columns: [
          { label: "Command", cell: (one) => h("code", {}, one.command) },
          { label: "Calls", class: "number", cell: (one) => count(one.calls) },
          { label: "Each takes", class: "number", cell: (one) => `${one.microseconds_per_call.toFixed(1)} µs` },
          { label: "In all", class: "number", cell: (one) => `${(one.microseconds / 1e6).toFixed(2)} s` },
        ],
        items: [...commands].sort((a, b) => b.microseconds - a.microseconds),
        empty: "None yet.",
      }),
    ),
  ];
}
