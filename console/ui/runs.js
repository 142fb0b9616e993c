// What pages say of a run: its states, how it ended.
import { external } from "../dom.js";
import { count, duration, money } from "./format.js";

export const FINAL = ["succeeded", "failed", "cancelled"];

/** The tone of each state's badge. */
export const STATES = {
  queued: "",
  pending: "busy",
  running: "busy",
  waiting: "busy",
  succeeded: "good",
  failed: "bad",
  cancelled: "",
};

export const failure = (run) => `${run.error?.detail ?? "The run failed."} (${run.error?.code ?? "INTERNAL_ERROR"})`;

/** Model, tokens, cost, time, and the way to its history, as the children of a line. */
export function runFacts(run) {
  const { input_tokens: read = 0, output_tokens: written = 0 } = run.usage ?? {};
  const parts = [
    run.model,
    read || written || run.model ? `${count(read)} in, ${count(written)} out` : "",
    run.cost_usd ? money(run.cost_usd) : "",
    duration(run.created_at, run.finished_at),
  ];
  return [parts.filter(Boolean).join(" · "), " · ", external(run.temporal_ui_url, "Temporal")];
}
