// Calls of the API. The access token lives in this module's memory alone; the HttpOnly cookie renews it.
import { recall, remember } from "./storage.js";

const BASE = "/api/v1";
const TIMEOUT_MS = 30_000;
const AGAIN_MS = 500;
const SIGNED_IN = "signed-in"; // a hint that a cookie may be there, so that a stranger's first visit asks for nothing
const RETURN_TO = "return-to"; // the page that was left to sign in elsewhere
const RENEWING = "renewing"; // when a renewal began whose answer has not been seen
const SETTLED_MS = 2_000;
const OWN_REFUSALS = ["/admin/auth/login", "/admin/auth/token/refresh"]; // their 401 is an answer, not an old token

let token = null;
let renewing = null;

/** Tells `ended` when the session cannot be renewed. */
export const session = new EventTarget();

/** An answer of the API that is an error: `code`, `detail`, `requestId`, and `errors` by field. */
export class ApiError extends Error {
  constructor(status, body, requestId) {
    super(typeof body.detail === "string" ? body.detail : `The server answered with HTTP ${status}.`);
    this.status = status;
    this.code = body.code ?? "";
    this.errors = body.errors ?? [];
    this.requestId = body.request_id ?? requestId;
  }
}

/** The server could not be reached, or was silent for too long. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
  }
}

/** `path` with the parameters that have a value. */
export function withQuery(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

async function send(method, path, body, { headers = {}, signal, keepalive = false } = {}) {
  const head = { ...headers };
  if (token) head.Authorization = `Bearer ${token}`;
  const form = body instanceof FormData;
  if (body !== undefined && !form) head["Content-Type"] = "application/json";
  const payload = form || body === undefined ? body : JSON.stringify(body);
  try {
    return await fetch(BASE + path, {
      method,
      headers: head,
      body: payload,
      credentials: "same-origin",
      signal,
      keepalive,
    });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Unreachable();
  }
}

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body, response.headers.get("X-Request-Id"));
}

function renew() {
  // One renewal at a time, in all tabs: the cookie works once, and a second use of it would end the session.
  // Plain http on another host than localhost has no locks; there two tabs that begin at the same moment may have to log in anew.
  const alone = navigator.locks ? (work) => navigator.locks.request("token-refresh", work) : (work) => work();
  renewing ??= alone(async () => {
    await settled();
    token = null;
    remember(RENEWING, String(Date.now()));
    // A page that is left meanwhile still takes the new cookie, or its next visit would come with a used one.
    const answer = await send(
      "POST",
      "/admin/auth/token/refresh",
      {},
      { signal: AbortSignal.timeout(TIMEOUT_MS), keepalive: true },
    );
    if (answer.ok) token = (await answer.json()).access_token;
    else if (answer.status < 500) end();
    remember(RENEWING, null);
    if (!answer.ok) throw await failure(answer);
  }).finally(() => {
    renewing = null;
  });
  return renewing;
}

/** Where a page was left in the middle of a renewal, its answer may still be on its way with the new cookie: wait for it. */
async function settled() {
  const left = Number(recall(RENEWING) ?? 0) + SETTLED_MS - Date.now();
  if (left > 0)
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(left, SETTLED_MS));
    });
}

function end() {
  token = null;
  remember(SIGNED_IN, null);
  session.dispatchEvent(new Event("ended"));
}

/** The response itself, for streams and files: no time limit but the caller's signal. */
export async function request(method, path, body, options) {
  const used = token;
  let response = await send(method, path, body, options);
  if (response.status === 401 && !OWN_REFUSALS.includes(path)) {
    if (token === used) await renew();
    response = await send(method, path, body, options);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** The answer's JSON, or null for 204. A look that a broken connection cut short is taken again, once. */
export async function call(method, path, body, { headers, signal } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const options = { headers, signal: signal ? AbortSignal.any([signal, limit]) : limit };
  const attempt = async () => {
    const answer = await request(method, path, body, options);
    return answer.status === 204 ? null : answer.json();
  };
  try {
    return await attempt();
  } catch (error) {
    if (method !== "GET" || !(error instanceof Unreachable) || limit.aborted) throw error;
    await new Promise((resolve) => {
      setTimeout(resolve, AGAIN_MS);
    });
    return attempt();
  }
}

/** The address that begins a sign-in at a provider; the browser comes back to this page, and its cookie renews the session. */
export const signInAddress = (provider) => `${BASE}/admin/oauth2/${provider}/authorize?mode=console`;

/** A page that is left to sign in elsewhere looks for a session when it is opened again, and shows `place` where it names none. */
export function leaveToSignIn(place = null) {
  remember(SIGNED_IN, "yes");
  remember(RETURN_TO, place);
}

/** Where to go on after such a visit, or null. */
export function takeReturn() {
  const place = recall(RETURN_TO);
  remember(RETURN_TO, null);
  return place;
}

export async function login(fields) {
  enter(await call("POST", "/admin/auth/login", fields));
}

/** Go on with the session that the API has answered. */
export function enter({ access_token: access }) {
  token = access;
  remember(SIGNED_IN, "yes");
}

/** Whether an earlier session goes on. */
export async function restore() {
  if (!recall(SIGNED_IN)) return false;
  try {
    await renew();
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) return false;
    throw error;
  }
}

export async function logout() {
  try {
    await call("POST", "/admin/auth/logout");
  } finally {
    end();
  }
}
