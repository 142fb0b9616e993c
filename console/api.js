// Calls of the API: the access token lives in this module's memory alone.
const BASE = "/api/v1";
const TIMEOUT_MS = 30000;
let token = null, refreshing = null;

export class ApiError extends Error {
  constructor(status, body, requestId) {
    const detail = typeof body.detail === "string" ? body.detail : JSON.stringify(body.detail ?? `HTTP ${status}`);
    super(requestId ? `${detail} (request ${requestId})` : detail);
    this.status = status;
    this.code = body.code;
  }
}

async function send(method, path, body, { headers = {}, signal } = {}) {
  const head = { ...headers };
  if (token) head.Authorization = `Bearer ${token}`;
  if (body !== undefined) head["Content-Type"] = "application/json";
  return fetch(BASE + path, { method, headers: head, credentials: "same-origin", signal,
    body: body === undefined ? undefined : JSON.stringify(body) });
}

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body, body.request_id ?? response.headers.get("X-Request-Id"));
}

export async function refresh() {
  // One refresh at a time: the cookie rotates, and a second use of it would revoke the family.
  refreshing ??= (async () => {
    token = null;
    const answer = await send("POST", "/admin/auth/token/refresh", {}, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw await failure(answer);
    token = (await answer.json()).access_token;
  })().finally(() => { refreshing = null; });
  return refreshing;
}

export async function request(method, path, body, options) {
  let response = await send(method, path, body, options);
  if (response.status === 401 && !path.startsWith("/admin/auth/")) {
    await refresh();
    response = await send(method, path, body, options);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export async function call(method, path, body) {
  const answer = await request(method, path, body, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return answer.status === 204 ? null : answer.json();
}

export async function login(fields) {
  token = (await call("POST", "/admin/auth/login", fields)).access_token;
}

export async function logout() {
  try { await call("POST", "/admin/auth/logout", {}); } finally { token = null; }
}
