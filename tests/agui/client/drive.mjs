// Drives a run through AG-UI's own HttpAgent and checks what it made of the events.
import assert from "node:assert/strict";
import { HttpAgent, buildResumeArray } from "@ag-ui/client";

const [scenario, endpoint, base, token] = process.argv.slice(2);
const root = `${base}/api/v1/agent`;
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };

// chat/stream has a body of its own; everything else about the client stays as it is.
class ChatAgent extends HttpAgent {
  requestInit(input) {
    const init = super.requestInit(input);
    const last = input.messages.at(-1);
    const body = {
      messages: input.resume ? [] : [{ role: "user", content: last.content, id: last.id }],
      thread_id: input.threadId, ...(input.resume && { resume: input.resume }), ...input.forwardedProps,
    };
    return { ...init, body: JSON.stringify(body) };
  }
}

const threadId = `${scenario}-${crypto.randomUUID()}`.slice(0, 60).replace(/^/, "npm ");
const agent = endpoint === "chat"
  ? new ChatAgent({ url: `${root}/chat/stream`, headers, threadId })
  : new HttpAgent({ url: `${root}/ag-ui/chat`, headers, threadId });
const seen = [];
let runId = null;
agent.subscribe({ onEvent: ({ event }) => { seen.push(event); } });
const realFetch = globalThis.fetch;
globalThis.fetch = async (...args) => {
  const response = await realFetch(...args);
  runId = response.headers.get("X-Run-Id") ?? runId;
  return response;
};

let count = 0;
async function say(text, parameters = {}) {
  agent.addMessage({ id: `m-${++count}-${crypto.randomUUID()}`, role: "user", content: text });
  return agent.runAgent(parameters);
}
const types = () => seen.map((e) => e.type);
const of = (type) => seen.filter((e) => e.type === type);
const last = () => seen.at(-1);
const answer = () => agent.messages.filter((m) => m.role === "assistant").map((m) => m.content ?? "").join("");

const scenarios = {
  async text() {
    await say("hello [tokens=30 delay=1]");
    assert.equal(last().outcome.type, "success");
    assert.equal(answer().trim(), Array.from({ length: 30 }, (_, i) => `tok${i}`).join(" "));
    await say("again [say=second answer]");
    assert.ok(answer().endsWith("second answer"));
  },
  async reasoning() {
    await say("think [reasoning=let me see][say=done]", { forwardedProps: { enable_deep_thinking: true } });
    assert.equal(of("REASONING_MESSAGE_CONTENT").map((e) => e.delta).join("").trim(), "let me see");
    assert.ok(answer().endsWith("done"));
  },
  async parallel_tools() {
    await say('both [tool:current_time {}] [tool:current_time {"timezone": "Asia/Tokyo"}]');
    assert.equal(of("TOOL_CALL_RESULT").length, 2);
    assert.equal(new Set(of("TOOL_CALL_START").map((e) => e.toolCallId)).size, 2);
    assert.equal(agent.messages.filter((m) => m.role === "tool").length, 2);
    assert.equal(last().outcome.type, "success");
  },
  async interrupt() {
    await say('ask [tool:ask_human {"question": "Which colour?"}]');
    assert.equal(last().outcome.type, "interrupt");
    assert.equal(agent.pendingInterrupts.length, 1);
    assert.equal(agent.pendingInterrupts[0].message, "Which colour?");
    const [open] = agent.pendingInterrupts;
    seen.length = 0;
    await agent.runAgent({ resume: buildResumeArray([open], { [open.id]: { status: "resolved", payload: { colour: "blue" } } }) });
    assert.equal(types()[0], "RUN_STARTED");
    assert.equal(last().outcome.type, "success");
    assert.match(of("TOOL_CALL_RESULT")[0].content, /blue/);
    assert.equal(agent.pendingInterrupts.length, 0);
  },
  async resume_api() {
    await say("time [tool:current_time {}]", { forwardedProps: { interrupt_before_tools: ["current_time"] } });
    assert.equal(last().outcome.type, "interrupt");
    assert.equal(of("TOOL_CALL_RESULT").length, 0);
    const answered = await fetch(`${root}/runs/${runId}/resume`, { method: "POST", headers, body: JSON.stringify({ decision: "reject", feedback: "not now" }) });
    assert.equal(answered.status, 200);
    const text = await (await fetch(`${root}/runs/${runId}/stream`, { headers })).text();
    assert.equal(text.split('"type":"RUN_STARTED"').length, 2);
    assert.match(text, /not now/);
  },
  async client_tool() {
    const tools = [{ name: "paint", description: "Paints.", parameters: { type: "object", properties: { colour: { type: "string" } } } }];
    await say('paint [tool:paint {"colour": "red"}]', { tools });
    assert.equal(last().outcome.type, "success");
    const call = agent.messages.flatMap((m) => m.toolCalls ?? [])[0];
    assert.equal(call.function.name, "paint");
    assert.deepEqual(JSON.parse(call.function.arguments), { colour: "red" });
    agent.addMessage({ id: `r-${call.id}`, role: "tool", toolCallId: call.id, content: "painted" });
    seen.length = 0;
    await agent.runAgent({ tools });
    assert.equal(last().outcome.type, "success");
    assert.ok(answer().includes("tok0"));
  },
  async error() {
    await say("refuse [error=400]");
    assert.equal(of("RUN_ERROR").length, 1);
    assert.equal(of("RUN_ERROR")[0].code, "MODEL_REJECTED");
  },
  async cancel() {
    const run = say("long [tokens=20000 delay=10]");
    while (of("TEXT_MESSAGE_CONTENT").length < 3) await new Promise((r) => setTimeout(r, 20));
    const cancelled = await fetch(`${root}/runs/${runId}/cancel`, { method: "POST", headers });
    assert.equal(cancelled.status, 200);
    await run;
    assert.equal(last().outcome.type, "cancelled");
    assert.ok(answer().startsWith("tok0 tok1"));
  },
  async retry() {
    await say("break once [tokens=30 delay=2] [reset after=5 times=1] " + crypto.randomUUID());
    assert.equal(of("CUSTOM").filter((e) => e.name === "message.discarded").length, 1);
    assert.equal(last().outcome.type, "success");
  },
};

await scenarios[scenario]();
assert.equal(seen.filter((e) => e.type === "RUN_FINISHED" || e.type === "RUN_ERROR").length, seen.filter((e) => e.type === "RUN_STARTED").length);
console.log(JSON.stringify({ ok: true, events: seen.length }));
process.exit(0);
