// One run's stream: start, rejoin after a drop, cancel and answer.
import { call, request, ApiError } from "./api.js";
import { events } from "./sse.js";
import * as view from "./view.js";

const KEY = "current-run";
let current = null, lastId = "", abort = null;
export const currentRun = () => current;
export const remembered = () => sessionStorage.getItem(KEY);

export function detach() { abort?.abort(); abort = null; current = null; lastId = ""; sessionStorage.removeItem(KEY); }

function apply(e) {
  if (e.type === "TEXT_MESSAGE_START") view.message(e.messageId, e.role ?? "assistant");
  else if (e.type === "TEXT_MESSAGE_CONTENT") view.addText(e.messageId, e.delta);
  else if (e.type === "REASONING_MESSAGE_CONTENT") view.addReasoning(e.messageId, e.delta);
  else if (e.type === "TOOL_CALL_START") view.tool(e.toolCallId, e.toolCallName, e.parentMessageId);
  else if (e.type === "TOOL_CALL_ARGS") view.tool(e.toolCallId).args.append(e.delta);
  else if (e.type === "TOOL_CALL_RESULT") view.tool(e.toolCallId).result.textContent = e.content;
  else if (e.type === "STATE_SNAPSHOT") view.plan(e.snapshot?.plan);
  else if (e.type === "MESSAGES_SNAPSHOT") { view.clear(); view.show(e.messages); }
  else if (e.type === "CUSTOM" && e.name === "message.discarded") view.discard(e.value.messageId);
}

async function read(response) {
  current = response.headers.get("X-Run-Id") ?? current;
  if (current) sessionStorage.setItem(KEY, current);
  for await (const { id, data } of events(response.body)) {
    if (id) lastId = id;
    const e = JSON.parse(data);
    if (e.type === "RUN_FINISHED" || e.type === "RUN_ERROR") return e;
    apply(e);
  }
  return null;
}

// Resolves to the run's last event, or null when the page left it.
export async function follow(open) {
  abort?.abort();
  const mine = abort = new AbortController();
  for (let tries = 0; ; tries += 1) {
    try {
      const before = lastId;
      const end = await read(await open(mine.signal));
      if (end) { if (end.outcome?.type !== "interrupt") sessionStorage.removeItem(KEY); return end; }
      if (lastId !== before) tries = 0;
    } catch (e) {
      if (mine.signal.aborted) return null;
      if (e instanceof ApiError && e.status < 500) { detach(); throw e; }
      if (!current) throw e;
    }
    if (mine.signal.aborted) return null;
    if (!current) throw new Error("The stream ended before the run began.");
    await new Promise((r) => setTimeout(r, Math.min(500 * 2 ** tries, 15000)));
    open = rejoin;
  }
}

export function start(body) {
  detach();
  return follow((signal) => request("POST", "/agent/chat/stream", body, { signal }));
}

const rejoin = (signal) => request("GET", `/agent/runs/${encodeURIComponent(current)}/stream`, undefined,
  { signal, headers: lastId ? { "Last-Event-ID": lastId } : {} });

export function join(id) { if (id !== current) lastId = ""; current = id; return follow(rejoin); }
export const cancel = () => call("POST", `/agent/runs/${encodeURIComponent(current)}/cancel`, {});
export const resume = (body) => call("POST", `/agent/runs/${encodeURIComponent(current)}/resume`, body);
