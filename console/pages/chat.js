// The chat: threads beside, the conversation, what the run asks, the composer.
import { call, withQuery } from "../api.js";
import { Attachments } from "../chat/attachments.js";
import { Composer } from "../chat/composer.js";
import { Conversation } from "../chat/conversation.js";
import { apply, showMessage } from "../chat/events.js";
import { Follow } from "../chat/follow.js";
import { questionCard } from "../chat/questions.js";
import { Threads } from "../chat/threads.js";
import { fill, h } from "../dom.js";
import { FINAL, runFacts, failure } from "../ui/runs.js";

export default {
  title: "Chat",
  path: "/chat",
  async render(root, ctx) {
    const chat = new Chat(ctx, await call("GET", "/agent/config", undefined, { signal: ctx.signal }));
    root.append(chat.node);
    ctx.signal.addEventListener("abort", () => chat.leave());
    chat.threads.load().catch(ctx.report);
    const file = ctx.query.get("file");
    if (file !== null) chat.attach(file).catch(ctx.report);
    await chat.open(ctx.params[0]);
    return (next) => chat.open(next.params[0]);
  },
};

class Chat {
  constructor(ctx, config) {
    this.ctx = ctx;
    this.log = h("div", { class: "log", role: "log", "aria-label": "Conversation", "aria-busy": "false" });
    this.scroller = h("div", { class: "scroller", tabindex: "0" });
    this.conversation = new Conversation(this.log, this.scroller);
    this.status = h("p", { class: "status dim", role: "status" });
    this.asked = h("div");
    this.attachments = new Attachments(ctx);
    this.composer = new Composer({
      config,
      attachments: this.attachments,
      onsend: (content, options, files) => this.send(content, options, files),
      onstop: ctx.guard(() => this.cancel()),
    });
    this.threads = new Threads({
      ctx,
      ondeleted: (id) => {
        if (id === this.thread) ctx.go("/chat");
      },
    });
    this.node = h("div", { class: "chat" }, this.#aside(), this.#main(config));
  }

  #aside() {
    const fresh = h("a", { href: "#/chat", class: "button primary" }, "New chat");
    this.aside = h("aside", { class: "side", id: "threads", "aria-label": "Conversations" }, fresh, this.threads.node);
    return this.aside;
  }

  #main(config) {
    this.drawer = h(
      "button",
      {
        type: "button",
        class: "drawer",
        "aria-controls": "threads",
        "aria-expanded": "false",
        onclick: () => this.showThreads(),
      },
      "Conversations",
    );
    this.welcome = h(
      "div",
      { class: "welcome" },
      h("h2", {}, "What shall we do?"),
      h(
        "dl",
        {},
        config.agents
          .filter((agent) => agent.description)
          .map((agent) => [h("dt", {}, agent.name), h("dd", {}, agent.description)]),
      ),
    );
    const notice = config.notice ? h("p", { class: "notice" }, config.notice) : null;
    fill(this.scroller, this.welcome, this.log);
    return h(
      "section",
      { class: "talk", "aria-label": "Chat" },
      h("h1", { class: "unseen" }, "Chat"),
      this.drawer,
      this.scroller,
      h("div", { class: "dock" }, this.asked, this.status, notice, this.composer.node),
    );
  }

  showThreads(open = !this.aside.classList.contains("open")) {
    this.aside.classList.toggle("open", open);
    this.drawer.setAttribute("aria-expanded", String(open));
  }

  /** A file of the list of files goes with the next message. */
  async attach(id) {
    this.ctx.replace("/chat");
    await this.attachments.attach(id);
    this.composer.focus();
  }

  /** Stop following; the run itself goes on. */
  leave() {
    this.visit?.abort();
    this.visit = new AbortController();
    this.conversation.clear();
    this.#rest();
  }

  /** Show a thread, and go along with what runs on it now; without an id, an empty page. */
  async open(id = null) {
    this.leave();
    const { signal } = this.visit;
    this.thread = id;
    this.showThreads(false);
    this.threads.mark(id);
    this.welcome.hidden = id !== null;
    if (id === null) {
      this.composer.focus();
      return;
    }
    try {
      await this.#load(id, signal);
    } catch (error) {
      if (error.status === 404 && !signal.aborted) {
        this.ctx.replace("/chat");
        await this.open();
      }
      this.#fail(error);
    }
  }

  async #load(id, signal) {
    // Runs first: one that ends between the two requests is then replayed from its log, not missed.
    const runs = (
      await call("GET", withQuery("/agent/runs", { thread_id: id, size: 200 }), undefined, { signal })
    ).items.reverse();
    const messages = await allMessages(id, signal);
    const active = runs.filter((run) => !FINAL.includes(run.status));
    const live = new Set(active.map((run) => run.id));
    const over = new Map(runs.filter((run) => !live.has(run.id)).map((run) => [run.id, run]));
    const stored = messages.filter((message) => !live.has(message.run_id));
    stored.forEach((message, at) => {
      showMessage(this.conversation, message);
      if (message.run_id !== stored[at + 1]?.run_id && over.has(message.run_id)) this.#foot(over.get(message.run_id));
    });
    this.conversation.scrollToEnd();
    if (!this.threads.has(id)) this.threads.load().catch(this.ctx.report);
    for (const run of active) {
      messages
        .filter((one) => one.run_id === run.id && one.role === "user")
        .forEach((one) => showMessage(this.conversation, one));
      const ended = await this.#follow(this.#following(signal), (follow) => follow.join(run.id));
      if (!ended) return;
    }
  }

  /** Send a message: a new run on this thread, or on a new one. */
  async send(content, options, files) {
    const { signal } = this.visit;
    this.welcome.hidden = true;
    this.ctx.clear();
    const bubble = this.conversation.user(content, files);
    const body = { messages: [{ role: "user", content }], ...(this.thread && { thread_id: this.thread }), ...options };
    const follow = this.#following(signal);
    try {
      await this.#follow(follow, () => follow.start("/agent/chat/stream", body));
    } catch (error) {
      if (!follow.runId && !signal.aborted) {
        bubble.remove();
        this.composer.restore(content, files);
        this.welcome.hidden = !this.conversation.isEmpty;
      }
      this.#fail(error);
    }
  }

  #following(signal) {
    return new Follow({
      signal,
      onevent: (event) => {
        this.#gap ||= event.type === "CUSTOM" && event.name === "gap";
        apply(this.conversation, event);
      },
      onbegin: ({ runId, threadId }) => this.#begun(runId, threadId),
      onstate: (text) => {
        this.status.textContent = text;
      },
    });
  }

  #gap = false; // whether the event log has lost a part of what was followed

  #begun(runId, threadId) {
    this.run = runId;
    this.status.textContent = "Working…";
    if (!threadId || this.thread === threadId) return;
    this.thread = threadId;
    this.ctx.replace(`/chat/${encodeURIComponent(threadId)}`);
    this.threads.mark(threadId);
    this.threads.load().catch(this.ctx.report);
  }

  /** Resolves to whether the run has ended; it has not when it asks something. */
  async #follow(follow, begin) {
    this.#gap = false;
    this.composer.show("running");
    this.status.textContent = "Starting…";
    this.log.setAttribute("aria-busy", "true");
    const last = await begin(follow);
    this.conversation.flush();
    if (last.outcome?.type === "interrupt") {
      this.#ask(follow, last.outcome.interrupts);
      return false;
    }
    if (this.#gap) {
      await this.open(this.thread);
      return true;
    }
    this.#rest();
    this.#foot(
      await call("GET", `/agent/runs/${encodeURIComponent(follow.runId)}`, undefined, { signal: follow.signal }),
    );
    this.threads.load().catch(this.ctx.report);
    return true;
  }

  #rest() {
    this.run = null;
    this.composer.show("idle");
    this.status.textContent = "";
    this.log.setAttribute("aria-busy", "false");
    fill(this.asked);
  }

  #fail(error) {
    if (error.name === "AbortError") return;
    this.#rest();
    this.ctx.report(error);
  }

  #ask(follow, interrupts) {
    this.composer.show("waiting");
    this.status.textContent = "";
    this.log.setAttribute("aria-busy", "false");
    const goOn = async () => {
      fill(this.asked);
      try {
        await this.#follow(follow, () => follow.join(follow.runId));
      } catch (error) {
        this.#fail(error);
      }
    };
    const post = (verb, body) => call("POST", `/agent/runs/${encodeURIComponent(follow.runId)}/${verb}`, body);
    const card = questionCard({
      interrupts,
      callOf: (id) => this.conversation.blocks.get(id),
      onanswer: async (body) => {
        await post("resume", body);
        goOn();
      },
      oncancel: async () => {
        await post("cancel");
        goOn();
      },
      guard: this.ctx.guard,
    });
    fill(this.asked, card);
    card.querySelector("button, textarea").focus();
  }

  async cancel() {
    if (!this.run) return;
    this.composer.stop.disabled = true;
    this.status.textContent = "Stopping…";
    await call("POST", `/agent/runs/${encodeURIComponent(this.run)}/cancel`);
  }

  /** How a run ended, below its turn. */
  #foot(run) {
    if (run.status === "failed") this.conversation.note(failure(run), "bad");
    if (run.status === "cancelled") this.conversation.note("Cancelled; what was written is kept.");
    this.conversation.foot(runFacts(run));
  }
}

async function allMessages(thread, signal) {
  const items = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const found = await call(
      "GET",
      withQuery(`/agent/threads/${encodeURIComponent(thread)}/messages`, { page, size: 200 }),
      undefined,
      { signal },
    );
    items.push(...found.items);
    pages = found.total_pages;
  }
  return items;
}
