// The conversation on the page: turns, each of blocks (texts, thoughts, tool calls, plan, notes), known by their ids.
import { fill, h } from "../dom.js";
import { filesOf } from "./attachments.js";
import { Markdown } from "./markdown.js";

const NEAR = 120; // pixels from the end within which the page goes along with the text

export class Conversation {
  /** `box` holds the turns; its parent scrolls. */
  constructor(box, scroller) {
    this.box = box;
    this.scroller = scroller;
    this.follows = true; // the reader is at the end, and is to stay there
    const look = () => {
      this.follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    };
    scroller.addEventListener("scroll", look);
    box.addEventListener("toggle", look, true); // who opens a fold reads it
    new ResizeObserver(() => this.keepUp()).observe(scroller);
    this.clear();
  }

  clear() {
    this.turn = null;
    this.blocks = new Map(); // by message id or tool call id: {node, parent?, …}
    this.plan = null;
    this.dirty = new Set();
    fill(this.box);
  }

  get isEmpty() {
    return !this.box.childElementCount;
  }

  /** A turn of someone's; neighbouring blocks of the assistant share one. */
  begin(role) {
    const label = role === "user" ? "You" : "Assistant";
    this.turn = h("article", { class: `turn ${role}`, "aria-label": label });
    this.add(this.turn, this.box);
    return this.turn;
  }

  add(node, parent = this.turn?.classList.contains("assistant") ? this.turn : this.begin("assistant")) {
    parent.append(node);
    this.keepUp();
    return node;
  }

  user(text, files = []) {
    const turn = this.begin("user");
    turn.append(h("div", { class: "text" }, text));
    if (files.length) turn.append(filesOf(files));
    this.scrollToEnd();
    return {
      remove: () => {
        turn.remove();
        this.turn = this.box.lastElementChild;
      },
    };
  }

  note(text, tone = "") {
    this.add(h("p", { class: `note ${tone}` }, text));
  }

  foot(...children) {
    this.add(h("p", { class: "foot dim" }, children));
  }

  keepUp() {
    if (this.follows) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  scrollToEnd() {
    this.follows = true;
    this.keepUp();
  }

  // Blocks

  text(id) {
    return this.block(id, () => {
      const node = this.add(h("div", { class: "text" }));
      return { node, source: "", markdown: new Markdown(node) };
    });
  }

  thought(id) {
    return this.block(id, () => {
      const title = h("span", {}, "Thinking…"),
        body = h("div", { class: "thought" });
      return { node: this.add(h("details", { class: "fold" }, h("summary", {}, title), body)), title, body };
    });
  }

  tool(id, name, parent = null) {
    return this.block(id, () => {
      const state = h("span", { class: "dim" }),
        args = h("pre", { tabindex: "0" }),
        result = h("pre", { tabindex: "0" });
      const answer = h("div", { hidden: true }, h("h4", {}, "Result"), result);
      const summary = h("summary", {}, h("span", { class: "dim" }, "Tool "), h("code", {}, name ?? "?"), " ", state);
      const node = this.add(h("details", { class: "fold tool" }, summary, h("h4", {}, "Arguments"), args, answer));
      return { node, parent, name, state, args, source: "", result, answer };
    });
  }

  block(id, make) {
    if (!this.blocks.has(id)) this.blocks.set(id, make());
    return this.blocks.get(id);
  }

  /** A message that a failed attempt had begun: it is withdrawn, with the calls that it made. */
  discard(id) {
    for (const [key, block] of this.blocks) {
      if (key !== id && block.parent !== id) continue;
      block.node.remove();
      this.blocks.delete(key);
    }
  }

  /** What a tool was asked, as people read it. */
  showArguments(block, source) {
    block.source = source;
    block.args.textContent = pretty(source);
  }

  showResult(block, content) {
    block.state.textContent = "· done";
    block.result.textContent = pretty(content);
    block.answer.hidden = false;
  }

  /** The plan; another one replaces it where it stands. */
  showPlan(value) {
    const steps = (value.steps ?? []).map((step) => {
      const title = typeof step === "string" ? step : (step.title ?? "");
      return {
        title,
        node: h(
          "li",
          {},
          h("span", {}, title),
          step.description && step.description !== title ? h("small", { class: "dim" }, step.description) : null,
        ),
      };
    });
    const inside = [
      h("h3", {}, value.title || "Plan"),
      h(
        "ol",
        {},
        steps.map((step) => step.node),
      ),
    ];
    if (this.plan) fill(this.plan.node, inside);
    const node = this.plan?.node ?? this.add(h("section", { class: "plan", "aria-label": "Plan" }, inside));
    this.plan = { node, steps, value };
  }

  /** A named step began or ended: the plan's step of that title is marked, and a heading opens its part. */
  step(title, state) {
    for (const step of this.plan?.steps.filter((one) => one.title === title) ?? []) {
      step.node.dataset.state = state;
      step.node.setAttribute("aria-current", state === "running" ? "step" : "false");
    }
    if (state === "running") this.add(h("h3", { class: "step" }, title));
  }

  /** Draw a growing text with the next frame: many pieces may come within one. */
  redraw(block) {
    if (!this.dirty.size) requestAnimationFrame(() => this.flush());
    this.dirty.add(block);
  }

  flush() {
    for (const block of this.dirty) block.markdown.show(block.source);
    this.dirty.clear();
    this.keepUp();
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
