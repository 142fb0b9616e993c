// The slides of a sandbox (`/slides/<sandbox id>`): looked at one by one, changed, exported. They outlive their sandbox.
import { call, withQuery } from "../api.js";
import { fill, h } from "../dom.js";
import { SANDBOXES, pathOf } from "../sandbox/api.js";
import { slideFrame } from "../sandbox/frame.js";
import { confirm, formDialog } from "../ui/dialog.js";
import { download } from "../ui/download.js";

const MOST = 200;

export default {
  title: "Slides",
  path: "/slides",
  group: "Sandboxes",
  async render(root, ctx) {
    const viewer = new Viewer(ctx);
    root.append(viewer.node);
    await viewer.open(ctx);
    return (next) => viewer.open(next);
  },
};

class Viewer {
  constructor(ctx) {
    this.ctx = ctx;
    this.choice = h("select", { onchange: () => ctx.go(`/slides/${encodeURIComponent(this.choice.value)}`) });
    this.deck = h("select", { onchange: () => this.#show(0) });
    this.decks = h("label", { class: "inline" }, "Presentation ", this.deck);
    this.tools = h("div", { class: "row" });
    this.stage = h("div", { class: "stage" });
    this.list = h("ol", { class: "strip", "aria-label": "Slides" });
    this.where = h("span", { class: "dim", role: "status" });
    this.empty = h("p", { class: "empty" });
    const head = h(
      "div",
      { class: "row toolbar" },
      h("label", { class: "inline" }, "Sandbox ", this.choice),
      this.decks,
      this.tools,
    );
    this.body = h("div", { class: "viewer" }, this.list, h("div", {}, this.stage, this.#turning()));
    this.node = h(
      "section",
      { class: "wide", onkeydown: (event) => this.#key(event) },
      h("h1", {}, "Slides"),
      head,
      this.empty,
      this.body,
    );
  }

  #turning() {
    const button = (text, onclick) => h("button", { type: "button", onclick }, text);
    this.back = button("Previous", () => this.#show(this.at - 1));
    this.forth = button("Next", () => this.#show(this.at + 1));
    const edit = button(
      "Edit…",
      this.ctx.guard(() => this.#edit()),
    );
    const gone = button(
      "Delete…",
      this.ctx.guard(() => this.#remove()),
    );
    return h(
      "div",
      { class: "row turning" },
      this.back,
      this.where,
      this.forth,
      h("span", { class: "grow" }),
      edit,
      gone,
    );
  }

  #key(event) {
    const by = { PageUp: -1, PageDown: 1 }[event.key];
    if (!by || event.target.closest("select, dialog")) return;
    event.preventDefault();
    this.#show(this.at + by);
  }

  async open({ params: [id = null] }) {
    const path = withQuery(SANDBOXES, { size: MOST });
    const { items } = await call("GET", path, undefined, { signal: this.ctx.signal });
    const chosen = id ?? items[0]?.sandbox_id ?? null;
    if (chosen !== this.id) this.at = 0;
    this.id = chosen;
    const known = items.map((box) => [box.sandbox_id, box.session_id ?? box.sandbox_id]);
    if (this.id && !items.some((box) => box.sandbox_id === this.id)) known.unshift([this.id, this.id]);
    fill(
      this.choice,
      known.map(([value, text]) => h("option", { value, selected: value === this.id }, text)),
    );
    if (this.id) await this.load();
    else this.#none("You have no sandbox; slides are made in one.");
  }

  /** Read the slides anew; which one is shown stays, if no other is asked for. */
  async load(deck = this.deck.value, at = null) {
    const slides = [];
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const path = withQuery(pathOf(this.id, "/slides"), { page, size: MOST });
      const found = await call("GET", path, undefined, { signal: this.ctx.signal });
      slides.push(...found.items);
      pages = found.total_pages;
    }
    this.slides = slides;
    const names = [...new Set(this.slides.map((slide) => slide.presentation_name))];
    fill(
      this.deck,
      names.map((name) => h("option", { value: name, selected: name === deck }, name)),
    );
    this.#showTools(names.length > 0);
    if (names.length) this.#show(at ?? this.at);
    else this.#none("This sandbox has no slides.");
  }

  #none(text) {
    this.empty.textContent = text;
    this.body.hidden = this.decks.hidden = true;
  }

  #showTools(some) {
    const { ctx } = this;
    const button = (text, work, kind = "") =>
      h("button", { type: "button", class: kind, onclick: ctx.guard(work) }, text);
    fill(
      this.tools,
      some
        ? [button("Export PDF", () => this.#export("pdf")), button("Export PPTX", () => this.#export("pptx"))]
        : null,
      button("New slide…", () => this.#add(), some ? "" : "primary"),
    );
  }

  /** The `at`-th slide of the presentation that is chosen. */
  #show(at) {
    this.shown = this.slides.filter((slide) => slide.presentation_name === this.deck.value);
    this.at = Math.min(Math.max(at, 0), this.shown.length - 1);
    this.empty.textContent = "";
    this.body.hidden = this.decks.hidden = false;
    const slide = this.shown[this.at];
    fill(this.stage, slideFrame(slide));
    const mirrored = slide.mirrored ? "" : " · not yet in the sandbox";
    this.where.textContent = `${slide.title} · ${this.at + 1} of ${this.shown.length}${mirrored}`;
    this.back.disabled = this.at === 0;
    this.forth.disabled = this.at === this.shown.length - 1;
    if (this.drawn !== this.shown.map(versionOf).join()) this.#strip();
    for (const [n, item] of [...this.list.children].entries())
      item.firstChild.setAttribute("aria-current", String(n === this.at));
  }

  /** The small ones beside it; made anew only when they have changed. */
  #strip() {
    this.drawn = this.shown.map(versionOf).join();
    const items = this.shown.map((slide, at) => {
      const onclick = () => this.#show(at);
      const label = `Slide ${slide.slide_number}: ${slide.title}`;
      return h(
        "li",
        {},
        h("button", { type: "button", "aria-label": label, onclick }, slideFrame(slide, { inert: true })),
      );
    });
    fill(this.list, items);
  }

  async #export(format) {
    const path = withQuery(pathOf(this.id, "/slides/export"), { format, presentation_name: this.deck.value });
    this.where.textContent = "Exporting…";
    try {
      await download("GET", path, undefined, { signal: this.ctx.signal });
    } finally {
      this.#show(this.at);
    }
  }

  async #add() {
    const fields = [
      { name: "presentation_name", label: "Presentation", value: this.deck.value, required: true },
      { name: "title", label: "Title", required: true },
      {
        name: "content",
        label: "HTML of 1280×720 pixels",
        type: "textarea",
        rows: 8,
        required: true,
        spellcheck: "false",
      },
    ];
    let made = null;
    await formDialog({
      title: "New slide",
      fields,
      submit: "Add it",
      onsubmit: async (values) => {
        made = await call("POST", pathOf(this.id, "/slides"), values, { signal: this.ctx.signal });
      },
    });
    if (made) await this.load(made.presentation_name, Infinity);
  }

  async #edit() {
    const slide = this.shown[this.at];
    const fields = [
      { name: "title", label: "Title", value: slide.title, required: true },
      { name: "slide_number", label: "Number", type: "number", value: slide.slide_number, required: true },
      {
        name: "content",
        label: "HTML of 1280×720 pixels",
        type: "textarea",
        rows: 12,
        value: slide.content,
        required: true,
        spellcheck: "false",
      },
    ];
    const given = await formDialog({
      title: `Slide ${slide.slide_number}`,
      fields,
      submit: "Save",
      onsubmit: (values) =>
        call(
          "PUT",
          pathOf(this.id, `/slides/${slide.slide_id}`),
          { ...values, version: slide.version },
          { signal: this.ctx.signal },
        ),
    });
    if (given) await this.load(this.deck.value, this.at);
  }

  async #remove() {
    const slide = this.shown[this.at];
    const text = `“${slide.title}” will be gone.`;
    if (!(await confirm({ title: "Delete this slide?", text, action: "Delete", danger: true }))) return;
    await call("DELETE", pathOf(this.id, `/slides/${slide.slide_id}`));
    await this.load(this.deck.value, this.at);
  }
}

const versionOf = ({ slide_id: id, version }) => `${id}:${version}`;
