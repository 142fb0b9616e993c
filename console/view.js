// The conversation on the page: messages by id, tool calls by id.
import { element, render } from "./markdown.js";

const box = () => document.getElementById("messages");
const messages = new Map(), tools = new Map();

export function clear() { messages.clear(); tools.clear(); box().replaceChildren(); plan(null); }

export function message(id, role) {
  let entry = messages.get(id);
  if (!entry) {
    const node = element("article", "", `msg ${role}`);
    node.setAttribute("aria-label", role);
    const text = element("div");
    node.append(text);
    box().append(node);
    entry = { node, text, source: "", reasoning: null };
    messages.set(id, entry);
  }
  return entry;
}

function scroll() { const b = box(); if (b.scrollHeight - b.scrollTop - b.clientHeight < 250) b.scrollTop = b.scrollHeight; }

export function addText(id, delta) {
  const m = message(id, "assistant");
  m.source += delta;
  render(m.text, m.source);
  scroll();
}

export function addReasoning(id, delta) {
  const m = message(id, "assistant");
  if (!m.reasoning) {
    const d = element("details");
    m.reasoning = element("div");
    d.append(element("summary", "Reasoning"), m.reasoning);
    m.node.prepend(d);
  }
  m.reasoning.append(delta);
}

export function tool(id, name, parent) {
  if (tools.has(id)) return tools.get(id);
  const d = element("details"), args = element("div"), result = element("div");
  d.append(element("summary", `Tool: ${name ?? "tool"}`), args, result);
  message(parent ?? id, "assistant").node.append(d);
  tools.set(id, { args, result });
  return tools.get(id);
}

export function discard(id) { messages.get(id)?.node.remove(); messages.delete(id); }

export function plan(value) {
  const node = document.getElementById("plan");
  node.hidden = !value;
  const list = element("ol");
  for (const s of value?.steps ?? []) list.append(element("li", typeof s === "string" ? s : s.title ?? s.description ?? ""));
  node.replaceChildren(element("strong", value?.title ?? ""), list);
}

export function show(items) {
  for (const item of items) {
    if (item.role === "system") continue;
    const toolId = item.tool_call_id ?? item.toolCallId;
    if (item.role === "tool") { tool(toolId).result.textContent = item.content ?? ""; continue; }
    const m = message(item.id, item.role);
    m.source = item.content ?? "";
    render(m.text, m.source);
    if (item.reasoning && !m.reasoning) addReasoning(item.id, item.reasoning);
    for (const c of item.tool_calls ?? item.toolCalls ?? []) {
      const args = c.args ?? c.function?.arguments ?? "";
      tool(c.id, c.name ?? c.function?.name, item.id).args.textContent = typeof args === "string" ? args : JSON.stringify(args, null, 2);
    }
  }
  scroll();
}
