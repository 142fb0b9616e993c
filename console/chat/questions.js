// What a run asks its human, and the answer as the API takes it: `{decision, feedback?, answers?}`.
import { h } from "../dom.js";
import { formDialog } from "../ui/dialog.js";
import { form } from "../ui/form.js";

const TITLES = { tool_approval: "May this tool run?", plan_review: "Is this plan right?", question: "The agent asks" };

/** The card. `callOf(id)` finds a tool call's `{name, source}`; `onanswer(body)` and `oncancel()` may throw. */
export function questionCard({ interrupts, callOf, onanswer, oncancel, guard }) {
  const [first] = interrupts;
  const kind = interrupts.some((one) => one.reason === "question") ? "question" : first.reason;
  const answer = (body) => guard(() => onanswer(body));
  const stop = h("button", { type: "button", class: "quiet", onclick: guard(oncancel) }, "Cancel the run");
  const head = h("h3", {}, TITLES[kind] ?? "The agent waits for you");
  const asked = interrupts.map((one) => question(one, callOf));
  const ways =
    kind === "question"
      ? reply(interrupts, callOf, onanswer, stop)
      : h("div", { class: "row" }, decisions(interrupts, callOf, answer), h("span", { class: "grow" }), stop);
  return h("section", { class: "card", "aria-label": "The agent waits for you" }, head, asked, ways);
}

function question({ reason, message, toolCallId }, callOf) {
  const call = callOf(toolCallId);
  if (reason === "tool_approval" && call)
    return h("div", {}, h("code", {}, call.name), h("pre", { tabindex: "0" }, call.args.textContent));
  return h(
    "p",
    { class: "asked" },
    reason === "plan_review" ? "The agent goes on when you approve the plan above." : (message ?? ""),
  );
}

function decisions(interrupts, callOf, answer) {
  const many = interrupts.length > 1;
  const plan = interrupts[0].reason === "plan_review";
  const call = callOf(interrupts[0].toolCallId);
  const buttons = [
    h(
      "button",
      { type: "button", class: "primary", onclick: answer({ decision: "approve" }) },
      many ? "Approve all" : "Approve",
    ),
  ];
  // One answer goes to every question that is open, so several calls cannot be edited apart.
  if (plan) buttons.push(later("Ask for changes…", () => changes(answer)));
  else if (!many) buttons.push(later("Edit…", () => edit(call, answer)));
  buttons.push(later(many ? "Reject all…" : "Reject…", () => refuse(answer)));
  return buttons;
}

const later = (text, onclick) => h("button", { type: "button", onclick }, text);

async function edit(call, answer) {
  const field = {
    name: "answers",
    label: "Arguments (JSON)",
    type: "textarea",
    rows: 8,
    value: call?.args.textContent ?? "{}",
    parse: parseObject,
    spellcheck: "false",
  };
  const given = await formDialog({
    title: `Edit the call of ${call?.name ?? "the tool"}`,
    text: "The tool runs with these instead.",
    fields: [field],
    submit: "Run with these",
  });
  if (given) await answer({ decision: "edit", answers: given.answers })();
}

function parseObject(text) {
  let value = null;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error('The arguments are a JSON object, such as {"name": "value"}.');
  return value;
}

async function changes(answer) {
  const field = { name: "feedback", label: "What should be different?", type: "textarea", rows: 4, required: true };
  const given = await formDialog({ title: "Ask for another plan", fields: [field], submit: "Send" });
  if (given) await answer({ decision: "edit", feedback: given.feedback })();
}

async function refuse(answer) {
  const field = { name: "feedback", label: "Why? (optional; the agent reads it)", type: "textarea", rows: 3 };
  const given = await formDialog({ title: "Reject", fields: [field], submit: "Reject", danger: true });
  if (given) await answer({ decision: "reject", ...(given.feedback && { feedback: given.feedback }) })();
}

/** An answer in words; the tool's own options as buttons. */
function reply(interrupts, callOf, onanswer, stop) {
  const send = (text) => onanswer({ decision: "approve", answers: text });
  const fields = [
    {
      name: "answer",
      label: interrupts.length > 1 ? "Your answer to all of these" : "Your answer",
      type: "textarea",
      rows: 2,
      required: true,
    },
  ];
  const made = form({ fields, submit: "Answer", onsubmit: ({ answer }) => send(answer) });
  const input = made.field("answer").input;
  const pick = (text) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          input.value = text;
          made.node.requestSubmit();
        },
      },
      text,
    );
  const options = optionsOf(interrupts, callOf).map(pick);
  made.actions.prepend(stop, h("span", { class: "grow" }));
  return [options.length ? h("div", { class: "row" }, options) : null, made.node];
}

function optionsOf(interrupts, callOf) {
  if (interrupts.length > 1) return [];
  try {
    const { options } = JSON.parse(callOf(interrupts[0].toolCallId)?.source ?? "{}");
    return Array.isArray(options) ? options.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
