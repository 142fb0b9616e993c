// A terminal pane: commands and what they say, each as the API keeps it, so that another visit finds them again.
import { ApiError, Unreachable, call, withQuery } from "../api.js";
import { fill, h, uid } from "../dom.js";
import { badge } from "../ui/format.js";
import { HOME, pathOf } from "./api.js";

const SIZE = 20;
const FOREGROUND_SECONDS = 300;
const FIRST_LOOK_MS = 120;
const LONGEST_MS = 1_500;
const TEMPORARY = [429, 502, 503, 504];
// Colours and cursor movements (ECMA-48), which a log does not show.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g; // eslint-disable-line no-control-regex

export class Terminal {
  /** `onchange` follows each command: it may have resumed the sandbox. */
  constructor(ctx, id, onchange) {
    Object.assign(this, { ctx, id, onchange, entries: new Map(), said: [], pages: 0 });
    this.screen = h("div", { class: "screen", role: "log", "aria-label": "Commands", tabindex: "0" });
    const earlier = ctx.guard(() => this.#older());
    this.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: earlier }, "Earlier commands");
    this.input = h("input", {
      id: uid("command"),
      class: "mono",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      required: true,
      placeholder: "Such as ls -la",
      onkeydown: (event) => this.#recall(event),
    });
    this.folder = h("input", {
      id: uid("folder"),
      class: "mono",
      value: HOME,
      spellcheck: "false",
      autocomplete: "off",
    });
    this.background = h("input", { type: "checkbox" });
    this.run = h("button", { type: "submit", class: "primary" }, "Run");
    const form = h(
      "form",
      { class: "command", onsubmit: ctx.guard(() => this.#submit()) },
      h("div", { class: "field grow" }, h("label", { for: this.input.id }, "Command"), this.input),
      h("div", { class: "field" }, h("label", { for: this.folder.id }, "Folder"), this.folder),
      h("label", { class: "choice" }, this.background, "In the background"),
      this.run,
    );
    this.node = h("section", { class: "terminal", "aria-label": "Terminal" }, this.more, this.screen, form);
  }

  /** The latest commands; those that still run are followed. */
  async show() {
    if (!this.pages) await this.#older();
    this.input.focus({ preventScroll: true });
  }

  async #older() {
    this.pages += 1;
    const path = withQuery(pathOf(this.id, "/commands"), { page: this.pages, size: SIZE });
    const found = await call("GET", path, undefined, { signal: this.ctx.signal });
    this.more.hidden = this.pages >= found.total_pages;
    const below = this.screen.firstChild;
    for (const view of found.items) {
      if (this.entries.has(view.command_id)) continue;
      const entry = this.#entry(view);
      this.screen.prepend(entry.node);
      this.said.unshift(view.command);
      if (view.status === "running") this.#follow(view.command_id, entry).catch(this.ctx.report);
    }
    if (!this.said.length) fill(this.screen, h("p", { class: "dim" }, "Nothing has been run yet."));
    if (below === null) this.screen.scrollTop = this.screen.scrollHeight;
  }

  async #submit() {
    const command = this.input.value.trim();
    if (!command || this.run.disabled) return;
    const goes = /^cd(?:\s+([^;&|<>]+))?$/.exec(command);
    const background = this.background.checked && !goes;
    const body = {
      sandbox_id: this.id,
      command: goes ? `${command} && pwd` : command,
      background,
      cwd: this.folder.value.trim() || null,
      ...(background ? {} : { timeout_seconds: FOREGROUND_SECONDS }),
    };
    // Answered at once in either case: what a command says is seen while it runs, and it can be stopped.
    const headers = { Prefer: "respond-async" };
    this.run.disabled = !background;
    try {
      const view = await call("POST", pathOf("run-command"), body, { headers, signal: this.ctx.signal });
      this.said.push(command);
      this.at = null;
      this.input.value = "";
      if (!this.entries.size) fill(this.screen);
      const entry = this.#entry(view);
      this.screen.append(entry.node);
      this.screen.scrollTop = this.screen.scrollHeight;
      const following = this.#follow(view.command_id, entry);
      if (background) following.catch(this.ctx.report);
      else this.#arrive(goes, await following);
    } finally {
      this.run.disabled = false;
    }
    this.onchange().catch(this.ctx.report);
  }

  /** A `cd` that worked changes the folder of the next command. */
  #arrive(goes, view) {
    if (goes && view.exit_code === 0) this.folder.value = view.stdout.trimEnd().split("\n").at(-1);
  }

  /** Look again and again until it has ended; a long output is looked at less often. */
  async #follow(id, entry) {
    const { signal } = this.ctx;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 1.6, LONGEST_MS)) {
      try {
        const view = await call("GET", pathOf(this.id, `/commands/${encodeURIComponent(id)}`), undefined, { signal });
        entry.update(view);
        if (view.status !== "running") return view;
        pause = Math.max(pause, (view.stdout.length + view.stderr.length) / 200);
      } catch (error) {
        const heals = error instanceof Unreachable || (error instanceof ApiError && TEMPORARY.includes(error.status));
        if (!heals || signal.aborted) throw error;
        entry.say("The server cannot be reached. Trying again…");
      }
      await rest(pause, signal);
    }
  }

  #entry(view) {
    const stop = this.ctx.guard(() => this.#stop(view.command_id));
    const entry = new Entry(view, stop, (node) => this.#keepUp(node));
    this.entries.set(view.command_id, entry);
    return entry;
  }

  /** Who looks at the end goes on looking at the end. */
  #keepUp(node) {
    const { screen } = this;
    if (node === screen.lastElementChild && screen.scrollHeight - screen.scrollTop - screen.clientHeight < 400)
      screen.scrollTop = screen.scrollHeight;
  }

  async #stop(id) {
    const path = pathOf(this.id, `/commands/${encodeURIComponent(id)}/cancel`);
    this.entries.get(id).update(await call("POST", path, undefined, { signal: this.ctx.signal }));
  }

  /** The arrows bring earlier commands back, as shells do. */
  #recall(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !this.said.length) return;
    event.preventDefault();
    this.at = Math.min(Math.max((this.at ?? this.said.length) + step, 0), this.said.length);
    this.input.value = this.said[this.at] ?? "";
  }
}

/** One command on the screen. */
class Entry {
  constructor(view, onstop, onchange) {
    this.onchange = onchange;
    this.state = h("span");
    this.stop = h(
      "button",
      { type: "button", class: "quiet", "aria-label": `Stop ${view.command}`, onclick: onstop },
      "Stop",
    );
    this.out = h("pre", { class: "out" });
    this.err = h("pre", { class: "err" });
    this.note = h("p", { class: "dim" });
    const head = h(
      "div",
      { class: "row" },
      h("code", {}, "$ ", view.command),
      this.state,
      h("span", { class: "grow" }),
      this.stop,
    );
    this.node = h("article", { "aria-label": view.command }, head, this.out, this.err, this.note);
    this.update(view);
  }

  update({ status, exit_code: code, stdout, stderr, truncated, error }) {
    const runs = status === "running";
    this.stop.hidden = !runs;
    fill(this.state, runs ? badge("running", "busy") : ending(status, code));
    this.out.textContent = plain(stdout);
    this.err.textContent = plain(stderr);
    const cut = truncated ? "Only the first megabyte of an output is kept. " : "";
    this.say(cut + (error ? `${error.detail} (${error.code})` : ""));
    this.onchange(this.node);
  }

  say(text) {
    this.note.textContent = text;
  }
}

function ending(status, code) {
  if (status !== "finished") return badge(status, status === "failed" ? "bad" : "");
  return badge(`exit ${code}`, code === 0 ? "good" : "bad");
}

/** Of a line that was written over by carriage returns, what stands in the end. */
const plain = (text) =>
  text
    .replaceAll(ESCAPES, "")
    .replaceAll("\r\n", "\n")
    .replaceAll(/[^\n]*\r(?!\n)/g, "");

function rest(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
