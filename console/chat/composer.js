// Where a message is written, and how its run is to be.
import { h, uid } from "../dom.js";

const LOCALE = /^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/; // what the API takes

/** `onsend(content, options)`, `onstop()`. `show(state)` with idle, running or waiting. */
export class Composer {
  constructor({ config, onsend, onstop, attachments }) {
    this.onsend = onsend;
    this.attachments = attachments;
    this.input = h("textarea", {
      rows: 1,
      class: "prompt",
      "aria-label": "Message",
      placeholder: "Write a message",
      onkeydown: (event) => this.#key(event),
    });
    this.send = h("button", { type: "submit", class: "primary" }, "Send");
    this.stop = h("button", { type: "button", class: "danger", hidden: true, onclick: onstop }, "Stop");
    this.#choices(config);
    const top = h("div", { class: "write" }, this.input, this.stop, this.send);
    const choices = h("div", { class: "row choices" }, this.agent, this.toggles);
    this.node = h(
      "form",
      { class: "composer", "aria-label": "New message", onsubmit: (event) => this.#submit(event) },
      attachments.list,
      top,
      choices,
    );
    this.show("idle");
  }

  #choices(config) {
    const options = config.agents.map(({ name, description, is_default }) =>
      h("option", { value: name, title: description, selected: is_default }, name),
    );
    this.agent = h("select", { "aria-label": "Agent", class: "quiet" }, options);
    const { enabled, reason } = config.web_search;
    this.search = toggle("Web search", { disabled: !enabled, title: enabled ? null : reason });
    this.deep = toggle("Deep thinking");
    this.accept = toggle("Accept the plan at once", { title: "The researcher goes on without asking about its plan" });
    this.held = config.tools
      .filter((tool) => tool.available)
      .map(({ name, description }) => ({ name, ...toggle(name, { title: description }) }));
    const hold = this.held.length
      ? h(
          "fieldset",
          {},
          h("legend", {}, "Ask me before these tools run"),
          this.held.map((tool) => tool.node),
        )
      : null;
    const models = config.models.map(({ name, is_default }) =>
      h("option", { value: is_default ? "" : name, selected: is_default }, name),
    );
    this.model = h("select", {}, models);
    const model = models.length > 1 ? h("label", { class: "choice" }, "Model", this.model) : null;
    const menu = uid("menu");
    const panel = h(
      "div",
      { class: "menu", id: menu, popover: "auto" },
      model,
      this.accept.node,
      hold,
      this.attachments.documents,
    );
    const more = h("button", { type: "button", class: "quiet", popovertarget: menu }, "More");
    // A deployment without documents has nothing to choose from, which is no failure of the chat.
    more.addEventListener("click", () => this.attachments.refresh().catch(() => {}));
    this.toggles = [
      this.attachments.button,
      this.search.node,
      this.deep.node,
      h("div", { class: "anchor" }, more, panel),
    ];
  }

  get options() {
    const held = this.held.filter((tool) => tool.input.checked).map((tool) => tool.name);
    return {
      agent_name: this.agent.value,
      enable_web_search: this.search.input.checked,
      enable_deep_thinking: this.deep.input.checked,
      auto_accept_plan: this.accept.input.checked,
      ...(LOCALE.test(navigator.language) && { locale: navigator.language }),
      ...(this.model.value && { model: this.model.value }),
      ...(held.length && { interrupt_before_tools: held }),
      ...this.attachments.options,
    };
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (this.state === "idle") this.node.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const content = this.input.value.trim();
    if (!content || this.state !== "idle") return;
    this.input.value = "";
    const { options } = this;
    this.onsend(content, options, this.attachments.take());
  }

  show(state) {
    this.state = state;
    this.send.hidden = state === "running";
    this.send.disabled = state !== "idle";
    this.stop.hidden = state !== "running";
    this.stop.disabled = false;
  }

  /** Give a message back that was not accepted, unless another has been begun meanwhile. */
  restore(content, files) {
    this.input.value ||= content;
    if (!this.attachments.files.length) this.attachments.show(files);
  }

  focus() {
    this.input.focus({ preventScroll: true });
  }
}

function toggle(text, { disabled = false, title = null } = {}) {
  const input = h("input", { type: "checkbox", disabled });
  return { input, node: h("label", { class: disabled ? "choice off" : "choice", title }, input, text) };
}
