// AG-UI's events, each as a change of the conversation. An event that is not listed changes nothing that is shown.

const HANDLERS = {
  TEXT_MESSAGE_START: (c, e) => c.text(e.messageId),
  TEXT_MESSAGE_CONTENT: (c, e) => {
    const block = c.text(e.messageId);
    block.source += e.delta;
    c.redraw(block);
  },
  REASONING_MESSAGE_START: (c, e) => c.thought(e.messageId),
  REASONING_MESSAGE_CONTENT: (c, e) => c.thought(e.messageId).body.append(e.delta),
  REASONING_MESSAGE_END: (c, e) => {
    c.thought(e.messageId).title.textContent = "Thoughts";
  },
  TOOL_CALL_START: (c, e) => {
    c.tool(e.toolCallId, e.toolCallName, e.parentMessageId).state.textContent = "· called";
  },
  TOOL_CALL_ARGS: (c, e) => {
    const block = c.tool(e.toolCallId);
    block.source += e.delta;
    block.args.append(e.delta);
  },
  TOOL_CALL_END: (c, e) => {
    const block = c.tool(e.toolCallId);
    c.showArguments(block, block.source);
  },
  TOOL_CALL_RESULT: (c, e) => c.showResult(c.tool(e.toolCallId), e.content),
  STEP_STARTED: (c, e) => c.step(e.stepName, "running"),
  STEP_FINISHED: (c, e) => c.step(e.stepName, "done"),
  STATE_SNAPSHOT: (c, e) => {
    if (e.snapshot?.plan) c.showPlan(e.snapshot.plan);
  },
  MESSAGES_SNAPSHOT: (c, e) => {
    c.clear();
    e.messages.forEach((message) => showMessage(c, message));
  },
  CUSTOM: (c, e) => {
    if (e.name === "message.discarded") c.discard(e.value.messageId);
  },
};

export const apply = (conversation, event) => HANDLERS[event.type]?.(conversation, event);

/** A whole message: one of the API's, or one of AG-UI's. */
export function showMessage(conversation, message) {
  const { id, role, content, scope = "main", reasoning, files } = message;
  if (role === "user") conversation.user(textOf(content), files);
  else if (role === "tool")
    conversation.showResult(conversation.tool(message.tool_call_id ?? message.toolCallId), textOf(content));
  if (role !== "assistant") return;
  if (scope === "plan") {
    showStoredPlan(conversation, content);
    return;
  }
  enterTask(conversation, scope);
  if (reasoning) {
    const thought = conversation.thought(`${id}-reasoning`);
    thought.title.textContent = "Thoughts";
    thought.body.textContent = reasoning;
  }
  if (content) {
    const block = conversation.text(id);
    block.source = textOf(content);
    block.markdown.show(block.source);
  }
  for (const call of message.tool_calls ?? message.toolCalls ?? []) {
    const block = conversation.tool(call.id, call.name ?? call.function?.name, id);
    conversation.showArguments(block, call.edited ?? call.args ?? call.function?.arguments ?? "");
  }
}

/** A message of several parts shows its texts. */
const textOf = (content) =>
  Array.isArray(content) ? content.map((part) => part.text ?? "").join("\n") : (content ?? "");

function showStoredPlan(conversation, content) {
  conversation.plan = null;
  try {
    conversation.showPlan(JSON.parse(content));
  } catch {
    conversation.note(content);
  }
}

/** A stored message tells by its scope (`task-2`) which step of the plan it is part of. */
function enterTask(conversation, scope) {
  const steps = conversation.plan?.steps ?? [];
  const at = Number(/^task-(\d+)$/.exec(scope)?.[1] ?? 0) - 1;
  steps.slice(0, at < 0 ? steps.length : at).forEach((step) => {
    step.node.dataset.state = "done";
  });
  if (steps[at] && steps[at].node.dataset.state !== "running") conversation.step(steps[at].title, "running");
}
