// The list of threads: open one, delete one, load more.
import { call, withQuery } from "../api.js";
import { fill, h } from "../dom.js";
import { confirm } from "../ui/dialog.js";

const SIZE = 30;

export class Threads {
  constructor({ ctx, ondeleted }) {
    this.ctx = ctx;
    this.ondeleted = ondeleted;
    this.current = null;
    this.pages = 1;
    this.list = h("ul", { class: "threads" });
    this.more = h(
      "button",
      {
        type: "button",
        class: "quiet",
        hidden: true,
        onclick: ctx.guard(() => {
          this.pages += 1;
          return this.load();
        }),
      },
      "Show more",
    );
    this.node = h("nav", { "aria-label": "Threads" }, this.list, this.more);
  }

  async load() {
    const pages = [];
    for (let page = 1; page <= this.pages; page += 1) {
      pages.push(
        await call("GET", withQuery("/agent/threads", { page, size: SIZE }), undefined, { signal: this.ctx.signal }),
      );
    }
    const items = pages.flatMap((page) => page.items);
    fill(
      this.list,
      items.length ? items.map((thread) => this.#item(thread)) : h("li", { class: "empty" }, "No conversations yet."),
    );
    this.more.hidden = pages.at(-1).total_pages <= this.pages;
    this.mark(this.current);
  }

  #item({ id, title }) {
    const name = title || "Untitled";
    const link = h("a", { href: `#/chat/${encodeURIComponent(id)}`, title: name, dataset: { thread: id } }, name);
    const remove = h(
      "button",
      {
        type: "button",
        class: "quiet remove",
        "aria-label": `Delete “${name}”`,
        title: "Delete",
        onclick: this.ctx.guard(() => this.#remove(id, name)),
      },
      "×",
    );
    return h("li", {}, link, remove);
  }

  async #remove(id, name) {
    const text = `“${name}” and all that was said in it will be gone. Its runs stay in the list of runs.`;
    if (!(await confirm({ title: "Delete this conversation?", text, action: "Delete", danger: true }))) return;
    await call("DELETE", `/agent/threads/${encodeURIComponent(id)}`);
    this.ondeleted(id);
    await this.load();
    this.list.querySelector("a")?.focus(); // the button that had the focus is gone
  }

  has(id) {
    return Boolean(this.list.querySelector(`a[data-thread="${CSS.escape(id)}"]`));
  }

  mark(id) {
    this.current = id;
    for (const link of this.list.querySelectorAll("a")) {
      if (link.dataset.thread === id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}
