// A page for one kind of file: the form, the run that is looked at (`<path>/<run id>`), and earlier ones.
import { Unreachable, call } from "../api.js";
import { fill, h, randomKey } from "../dom.js";
import { form } from "../ui/form.js";
import { badge, duration, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { STATES } from "../ui/runs.js";
import { Work } from "./work.js";

/**
 * `spec`: what `Work` takes, and `title`, `path`, `intro`, `submit`, `another`; `kinds` of runs, the first the usual one;
 * `fields(ctx, field)` for the form (`field(name)` finds one later), `ready(field)` when it stands; `request(values)` gives `{path, body}`.
 */
export function mediaPage(spec) {
  return {
    title: spec.title,
    path: spec.path,
    group: "Create",
    async render(root, ctx) {
      const page = new MediaPage(root, ctx, spec);
      await page.build();
      page.open(ctx).catch(ctx.report); // a run may take its time
      return (next) => page.open(next);
    },
  };
}

class MediaPage {
  constructor(root, ctx, spec) {
    Object.assign(this, { root, ctx, spec, sent: { text: "", key: "" }, shown: undefined });
    const again = h("a", { class: "button", href: `#${spec.path}` }, spec.another);
    this.work = new Work(ctx, spec, again);
    ctx.signal.addEventListener("abort", () => this.work.leave());
  }

  async build() {
    const { spec } = this;
    const find = (name) => this.form.field(name);
    const fields = await spec.fields(this.ctx, find);
    this.form = form({ fields, submit: spec.submit, onsubmit: (values) => this.#start(values) });
    spec.ready?.(find);
    this.asking = h("section", { "aria-label": spec.another }, h("p", { class: "dim" }, spec.intro), this.form.node);
    const earlier = h("section", { class: "earlier" }, h("h2", {}, "Earlier"));
    this.root.append(h("h1", {}, spec.title), this.asking, this.work.node, earlier);
    this.list = listing(earlier, this.ctx, {
      path: "/agent/runs",
      caption: "Earlier",
      fixed: { kind: spec.kinds[0].kind },
      filters: spec.kinds.length > 1 ? [{ name: "kind", label: "Show", options: spec.kinds.map(optionOf) }] : [],
      columns: [
        { label: "Started", cell: (run) => time(run.created_at) },
        { label: "What", cell: (run) => this.#link(run) },
        { label: "Status", cell: (run) => badge(run.status, STATES[run.status]) },
        { label: "Took", class: "number", cell: (run) => duration(run.created_at, run.finished_at) },
      ],
      size: 10,
      empty: "Nothing yet.",
    });
    this.list.ready.catch(this.ctx.report);
  }

  #link(run) {
    const made = run.artifacts.find((one) => one.details.role === "main");
    const name = made?.details.title || made?.name || this.spec.kinds.find(({ kind }) => kind === run.kind)?.noun;
    return h("a", { href: `#${this.spec.path}/${encodeURIComponent(run.id)}` }, name);
  }

  /** The form, or the run that the address names. */
  async open({ params: [id = null], path, query }) {
    if (this.shown !== undefined) this.list.update({ path, query }).catch(this.ctx.report);
    if (id === this.shown) return;
    this.shown = id;
    this.asking.hidden = id !== null;
    this.work.node.hidden = id === null;
    if (id === null) {
      this.work.leave();
      this.form.focus();
      return;
    }
    try {
      await this.work.open(id);
      await this.list.reload();
    } catch (error) {
      if (error.status === 404 || error.status === 400) this.ctx.go(this.spec.path);
      throw error;
    }
  }

  async #start(values) {
    const { path, body } = this.spec.request(values);
    const text = JSON.stringify([path, body]);
    // What may have arrived although no answer came back is asked for again by the same key: it is not made twice.
    if (this.sent.text !== text) this.sent = { text, key: randomKey() };
    const headers = { Prefer: "respond-async", "Idempotency-Key": this.sent.key };
    try {
      const run = await call("POST", path, body, { headers, signal: this.ctx.signal });
      this.sent = { text: "", key: "" };
      this.ctx.go(`${this.spec.path}/${run.id}`);
    } catch (error) {
      if (!(error instanceof Unreachable)) this.sent = { text: "", key: "" };
      throw error;
    }
  }
}

const optionOf = ({ kind, name }) => [kind, name];
