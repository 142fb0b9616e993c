// One sandbox: its state, what can be done with it, its terminal and its files.
import { call } from "../api.js";
import { external, fill, h } from "../dom.js";
import { formDialog } from "../ui/dialog.js";
import { time } from "../ui/format.js";
import { lives, pathOf, stateBadge } from "./api.js";
import { Files } from "./files.js";
import { Terminal } from "./terminal.js";

export class Machine {
  /** `remove()` asks and deletes; it resolves to whether it did. */
  constructor(ctx, id, remove) {
    Object.assign(this, { ctx, id, remove });
    this.head = h("div", { class: "machine" });
    this.tabs = [
      ["", "Terminal"],
      ["files", "Files"],
    ].map(([name, text]) => h("a", { href: `#/sandboxes/${id}${name && `/${name}`}`, dataset: { part: name } }, text));
    const slides = h("a", { href: `#/slides/${encodeURIComponent(id)}` }, "Slides");
    this.part = h("div");
    const tabs = h("nav", { class: "tabs", "aria-label": "Parts of the sandbox" }, this.tabs, slides);
    const back = h("a", { href: "#/sandboxes" }, "All sandboxes");
    this.node = h("div", {}, h("p", { class: "back" }, back), this.head, tabs, this.part);
    this.terminal = new Terminal(ctx, id, () => this.load());
    this.files = new Files(ctx, id);
  }

  /** What it is now. */
  async load() {
    this.box = await call("GET", pathOf(this.id), undefined, { signal: this.ctx.signal });
    const { box } = this;
    const until = box.expires_at
      ? [box.status === "paused" ? "Will be removed " : "Will be paused ", time(box.expires_at)]
      : null;
    fill(
      this.head,
      h(
        "div",
        { class: "row" },
        h("h1", {}, box.session_id ?? "Sandbox"),
        stateBadge(box),
        h("span", { class: "grow" }),
        this.#actions(),
      ),
      h("p", { class: "dim" }, h("code", {}, this.id), ` · ${box.template_id}`, until ? [" · ", until] : null),
      box.reason ? h("p", { class: "notice" }, box.reason) : null,
      lives(box) ? (this.links ??= this.#links()) : null,
    );
  }

  #actions() {
    const { ctx, id, box } = this;
    const button = (text, work, kind = "") =>
      h("button", { type: "button", class: kind, onclick: ctx.guard(work) }, text);
    const ask = (method, path, body) => async () => {
      await call(method, path, body, { signal: ctx.signal });
      await this.load();
    };
    const resume = button("Resume", ask("POST", pathOf("connect"), { sandbox_id: id }));
    const pause = button("Pause", ask("POST", pathOf(id, "/pause")));
    const gone = button(
      "Delete…",
      async () => {
        if (await this.remove()) ctx.go("/sandboxes");
      },
      "danger",
    );
    return [
      box.status === "paused" ? resume : null,
      box.status === "running" ? [button("More time…", () => this.#extend()), pause] : null,
      gone,
    ];
  }

  async #extend() {
    const { ctx, box } = this;
    const field = {
      name: "timeout_seconds",
      label: "Seconds from now",
      type: "number",
      value: box.timeout_seconds,
      required: true,
      hint: "From 30 to 86,400. Then it is paused; its files are kept.",
    };
    const given = await formDialog({
      title: "When is it to be paused?",
      fields: [field],
      submit: "Set",
      onsubmit: (values) => call("POST", pathOf(this.id, "/timeout"), values, { signal: ctx.signal }),
    });
    if (given) await this.load();
  }

  /** VS Code, MCP and ports: asked for when they are wanted, since that resumes a paused sandbox. */
  #links() {
    const place = h("div", { class: "links" });
    const wanted = h(
      "button",
      { type: "button", onclick: this.ctx.guard(() => this.#urls(place)) },
      "VS Code, MCP and ports",
    );
    fill(place, wanted);
    return place;
  }

  async #urls(place) {
    const urls = await call("GET", pathOf(this.id, "/urls"), undefined, { signal: this.ctx.signal });
    const opened = h("ul", { class: "plain" });
    const ports = async ({ port }) => {
      const { url } = await call("POST", pathOf(this.id, "/expose-port"), { port }, { signal: this.ctx.signal });
      opened.append(h("li", {}, `Port ${port}: `, this.#link(url, urls)));
    };
    const ask = () =>
      formDialog({
        title: "Open a port",
        text: "Something in the sandbox must listen on it.",
        fields: [{ name: "port", label: "Port", type: "number", required: true }],
        submit: "Show its address",
        onsubmit: ports,
      });
    const code = urls.vscode_url
      ? this.#link(urls.vscode_url, urls)
      : h("span", { class: "dim" }, urls.vscode_reason ?? "none");
    const other = h("button", { type: "button", onclick: this.ctx.guard(ask) }, "Open a port…");
    const token = h("code", { class: "secret" }, urls.access_token ?? "");
    const shown = h(
      "details",
      {},
      h("summary", {}, "Access token"),
      h("p", {}, `Header ${urls.access_token_header}: `, token),
    );
    fill(
      place,
      h("p", {}, "VS Code: ", code),
      h("p", {}, "MCP: ", h("code", {}, `${urls.mcp_url}/mcp`)),
      opened,
      h("div", { class: "row" }, other),
      urls.access_token ? shown : null,
    );
  }

  /** A browser sets no header: the link carries the token where the host takes it so; elsewhere the address alone is shown. */
  #link(url, { access_token: token, access_token_parameter: parameter }) {
    if (token && !parameter) return h("span", {}, h("code", {}, url), " (opens with the header below)");
    return external(token ? `${url}/?${parameter}=${encodeURIComponent(token)}` : url, url);
  }

  /** The part that the address names. */
  async show({ params: [, part = ""], query }) {
    for (const tab of this.tabs) {
      if (tab.dataset.part === part) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    if (!lives(this.box)) {
      fill(this.part, h("p", { class: "empty" }, "This sandbox has ended."));
      return;
    }
    if (part === "files") {
      fill(this.part, this.files.node);
      await this.files.show(query);
      await this.load(); // looking at files resumes it
      return;
    }
    fill(this.part, this.terminal.node);
    await this.terminal.show();
  }
}
