// One's runs: how each went, its thread, its history in the Temporal UI.
import { call } from "../api.js";
import { external, h } from "../dom.js";
import { badge, count, duration, money, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { FINAL, STATES } from "../ui/runs.js";

export default {
  title: "Runs",
  path: "/runs",
  async render(root, ctx) {
    root.append(h("h1", {}, "Runs"));
    const list = listing(root, ctx, {
      path: "/agent/runs",
      caption: "Runs",
      filters: [
        {
          name: "status",
          label: "Status",
          options: [["", "Any"], ...Object.keys(STATES).map((state) => [state, state])],
        },
      ],
      columns: [
        { label: "Started", cell: (run) => time(run.created_at) },
        { label: "Agent", cell: (run) => run.agent_name || run.kind },
        {
          label: "Status",
          cell: (run) => h("span", { title: run.error?.detail ?? null }, badge(run.status, STATES[run.status])),
        },
        { label: "Model", cell: (run) => run.model || "–" },
        {
          label: "Tokens",
          class: "number",
          cell: (run) => `${count(run.usage.input_tokens)} + ${count(run.usage.output_tokens)}`,
        },
        { label: "Cost", class: "number", cell: (run) => money(run.cost_usd) },
        { label: "Took", class: "number", cell: (run) => duration(run.created_at, run.finished_at) },
        { label: "Open", class: "row", cell: (run) => links(run, ctx, () => list.reload()) },
      ],
      empty: "No runs.",
    });
    await list.ready;
    return list.update;
  },
};

function links(run, ctx, reload) {
  const about = `run of ${run.created_at}`;
  const thread = run.thread_id
    ? h("a", { href: `#/chat/${encodeURIComponent(run.thread_id)}`, "aria-label": `Chat of the ${about}` }, "Chat")
    : null;
  const temporal = external(run.temporal_ui_url, "Temporal", { "aria-label": `Temporal UI: ${about}` });
  const cancel = ctx.guard(async () => {
    await call("POST", `/agent/runs/${encodeURIComponent(run.id)}/cancel`);
    await reload();
  });
  const stop = FINAL.includes(run.status)
    ? null
    : h("button", { type: "button", "aria-label": `Cancel the ${about}`, onclick: cancel }, "Cancel");
  return [thread, temporal, stop];
}
