// A run that makes a file or a text, as it is seen: its steps, how far it is, what came of it. Leaving the page ends the looking, not the run.
import { call } from "../api.js";
import { Follow } from "../chat/follow.js";
import { fill, h } from "../dom.js";
import { announce } from "../ui/banner.js";
import { badge } from "../ui/format.js";
import { FINAL, STATES, runFacts, failure } from "../ui/runs.js";

/**
 * `spec`: `steps` as `[[name, title]]`; `progress(state, run)` shows the run's state as `{done, total, node}`; `live()` may give
 * `{node, apply(event)}` for what is streamed; `result(run, ctx)` gives the nodes of what was made. `again` is the way to another one.
 */
export class Work {
  constructor(ctx, spec, again) {
    Object.assign(this, { ctx, spec });
    this.title = h("h2", { tabindex: "-1" });
    this.state = h("span");
    this.status = h("p", { class: "dim", role: "status" });
    this.steps = new Map(spec.steps.map(([name, title]) => [name, h("li", {}, title)]));
    this.bar = h("progress", { "aria-label": "Progress", hidden: true });
    this.detail = h("div", { class: "detail" });
    this.result = h("div", { class: "result" });
    this.cancel = h("button", { type: "button", class: "danger", onclick: ctx.guard(() => this.#cancel()) }, "Cancel");
    const head = h("div", { class: "row" }, this.title, this.state, h("span", { class: "grow" }), this.cancel, again);
    const steps = h("ol", { class: "steps", "aria-label": "Steps" }, [...this.steps.values()]);
    this.node = h("section", { class: "work" }, head, steps, this.status, this.bar, this.detail, this.result);
  }

  leave() {
    this.visit?.abort();
    this.visit = new AbortController();
  }

  /** Show a run and go along with it to its end. */
  async open(id) {
    this.leave();
    const signal = AbortSignal.any([this.ctx.signal, this.visit.signal]);
    this.id = id;
    this.stream = this.spec.live?.() ?? null;
    this.known = {};
    fill(this.result);
    fill(this.detail, this.stream?.node);
    fill(this.title, this.spec.title);
    fill(this.state);
    this.bar.hidden = true;
    this.steps.forEach((step) => this.#mark(step, ""));
    this.title.focus({ preventScroll: true });
    const look = () => call("GET", `/agent/runs/${encodeURIComponent(id)}`, undefined, { signal });
    let run = await look();
    if (!FINAL.includes(run.status)) {
      this.#begin(run);
      await this.#follow(signal);
      run = await look();
    }
    await this.#show(run, { ...this.ctx, signal });
  }

  #begin(run) {
    fill(this.state, badge(run.status, STATES[run.status]));
    this.cancel.hidden = this.cancel.disabled = false;
    this.status.textContent = "Starting…";
    this.bar.hidden = false;
    this.bar.removeAttribute("value");
  }

  #follow(signal) {
    const follow = new Follow({
      signal,
      onevent: (event) => this.#apply(event),
      onstate: (text) => {
        this.status.textContent = text;
      },
    });
    return follow.join(this.id);
  }

  #apply(event) {
    this.stream?.apply(event);
    if (event.type === "TEXT_MESSAGE_START") this.#working("Writing…");
    if (event.type === "STEP_STARTED") this.#step(event.stepName, "running");
    else if (event.type === "STEP_FINISHED") this.#step(event.stepName, "done");
    else if (event.type === "STATE_SNAPSHOT") this.known = event.snapshot;
    else if (event.type === "STATE_DELTA") event.delta.forEach((change) => replace(this.known, change));
    if (event.type.startsWith("STATE_")) this.#redraw();
  }

  #step(name, state) {
    const step = this.steps.get(name);
    if (!step) return;
    this.#mark(step, state);
    if (state === "running") this.#working(`${step.textContent}…`);
  }

  #working(text) {
    fill(this.state, badge("running", "busy"));
    this.status.textContent = text;
  }

  #mark(step, state) {
    step.dataset.state = state;
    if (state === "running") step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  }

  /** With the next frame: many changes may come within one. */
  #redraw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      if (!this.cancel.hidden) this.#draw();
    });
  }

  #draw() {
    if (this.known.title) fill(this.title, this.known.title);
    const { done, total, node } = this.spec.progress?.(this.known) ?? {};
    if (total) {
      this.bar.max = total;
      this.bar.value = done;
    }
    if (node) fill(this.detail, node);
  }

  async #show(run, ctx) {
    this.cancel.hidden = this.bar.hidden = true;
    fill(this.state, badge(run.status, STATES[run.status]));
    this.steps.forEach((step) => this.#mark(step, run.status === "succeeded" ? "done" : step.dataset.state));
    this.status.textContent = "";
    announce(`The run has ${run.status}.`);
    const made = run.artifacts.length ? await this.spec.result(run, ctx) : null;
    ctx.signal.throwIfAborted();
    const about = run.artifacts.find((one) => one.details.title)?.details.title;
    if (about) fill(this.title, about);
    if (made) fill(this.detail);
    fill(
      this.result,
      run.status === "failed" ? h("p", { class: "note bad" }, failure(run)) : null,
      run.status === "cancelled"
        ? h("p", { class: "note" }, made ? "Cancelled; what was made is kept." : "Cancelled.")
        : null,
      made,
      h("p", { class: "foot dim" }, runFacts(run)),
    );
  }

  async #cancel() {
    this.cancel.disabled = true;
    this.status.textContent = "Stopping…";
    await call("POST", `/agent/runs/${encodeURIComponent(this.id)}/cancel`);
  }
}

/** One `replace` of a JSON patch (RFC 6902) within `state`; a place that is not there changes nothing. */
function replace(state, { op, path, value }) {
  const names = path
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = names.pop();
  const place = names.reduce((found, name) => found?.[name], state);
  if (op === "replace" && place && Object.hasOwn(place, last)) place[last] = value;
}
