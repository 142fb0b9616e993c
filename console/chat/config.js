// What the deployment offers: agents, tools, web search.
import { ApiError, call } from "../api.js";

const AGENTS = ["chat", "coder", "researcher"].map((name) => ({ name, description: "", is_default: name === "chat" }));
const PLAIN = { agents: AGENTS, models: [], tools: [], web_search: { enabled: true, provider: null, reason: null }, notice: null };

/** `GET /agent/config`; an API without that route gets its three built-in agents. */
export async function loadConfig(signal) {
  try {
    return { ...PLAIN, ...await call("GET", "/agent/config", undefined, { signal }) };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return PLAIN;
    throw error;
  }
}
