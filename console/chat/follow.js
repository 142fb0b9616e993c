// A run as one sequence of events, over as many connections as it takes: each event once, none lost.
import { ApiError, Unreachable, request } from "../api.js";
import { randomKey } from "../dom.js";
import { frames } from "./frames.js";

const SILENCE_MS = 30_000; // the server says something every 10 s
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;
const TEMPORARY = [429, 502, 503, 504];

/** Follows one run. `onevent(event)` sees all but the last; `onstate(text)` hears of the connection. */
export class Follow {
  constructor({ signal, onevent, onbegin = () => {}, onstate = () => {} }) {
    Object.assign(this, { signal, onevent, onbegin, onstate, runId: null, lastId: "" });
  }

  /** Start a run. Resolves to its last event. A repeated POST finds the same run by its key. */
  start(path, body) {
    const headers = { "Idempotency-Key": randomKey() };
    return this.#follow((signal) => request("POST", path, body, { signal, headers }));
  }

  /** Join a run from its beginning or, having seen a part of it, from there. Resolves to its last event. */
  join(runId) {
    this.runId = runId;
    return this.#follow((signal) => this.#rejoin(signal));
  }

  #rejoin(signal) {
    const headers = this.lastId ? { "Last-Event-ID": this.lastId } : {};
    return request("GET", `/agent/runs/${encodeURIComponent(this.runId)}/stream`, undefined, { signal, headers });
  }

  async #follow(open) {
    let failures = 0;
    for (;;) {
      const before = this.lastId;
      try {
        const last = await this.#connection(open);
        if (last) return last;
      } catch (error) {
        this.signal.throwIfAborted();
        if (!this.#mayHeal(error)) throw error;
      }
      failures = this.lastId === before ? failures + 1 : 1;
      if (!this.runId && failures > 3) throw new Unreachable();
      this.onstate("Connection lost. Trying again…");
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), this.signal);
      if (this.runId) open = (signal) => this.#rejoin(signal);
    }
  }

  /** A run that began is followed through every outage; one that was refused is an error at once. */
  #mayHeal(error) {
    if (error instanceof ApiError) return Boolean(this.runId) && TEMPORARY.includes(error.status);
    return error instanceof Unreachable || error.name === "AbortError"; // the latter is our own, of a silence
  }

  /** Read one connection to its end. Resolves to the run's last event, or null where the connection ended before it. */
  async #connection(open) {
    const silence = new AbortController();
    let timer = null;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    };
    try {
      alive();
      const response = await open(AbortSignal.any([this.signal, silence.signal]));
      this.runId = response.headers.get("X-Run-Id") ?? this.runId;
      this.onbegin({ runId: this.runId, threadId: response.headers.get("X-Thread-Id") });
      for await (const { id, data } of frames(response.body, alive)) {
        const event = JSON.parse(data);
        if (id) this.lastId = id;
        if (event.type === "RUN_FINISHED" || event.type === "RUN_ERROR") return event;
        this.onevent(event);
      }
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Wait; the browser's word that the network is back ends it early. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const done = (settle) => () => {
      clearTimeout(timer);
      removeEventListener("online", back);
      signal.removeEventListener("abort", stop);
      settle();
    };
    const back = done(resolve),
      stop = done(() => reject(signal.reason));
    const timer = setTimeout(back, ms);
    addEventListener("online", back);
    signal.addEventListener("abort", stop);
  });
}
