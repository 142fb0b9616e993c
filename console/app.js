// The console: login, threads, runs and the chat.
import * as api from "./api.js";
import * as run from "./run.js";
import * as view from "./view.js";
import { element } from "./markdown.js";

const $ = (id) => document.getElementById(id);
let thread = null, captcha = null, page = 1, busy = false;

function fail(e) { $("error").textContent = e?.message ?? ""; $("error").hidden = !e; if (e?.status === 401) shown(false); }
const guard = (f) => async (event) => { event?.preventDefault?.(); fail(null); try { await f(event); } catch (e) { fail(e); } };
function shown(inside) { $("login").hidden = inside; $("shell").hidden = !inside; }
function working(on) { busy = on; $("send").disabled = on; $("cancel").hidden = !on; $("status").textContent = on ? "Working…" : ""; }

async function threads(reset = true) {
  page = reset ? 1 : page + 1;
  const { items, total } = await api.call("GET", `/agent/threads?page=${page}`);
  if (reset) $("threads").replaceChildren();
  for (const t of items) {
    const li = element("li"), b = element("button", t.title || t.id);
    b.type = "button"; b.onclick = guard(() => openThread(t.id));
    li.append(b); $("threads").append(li);
  }
  $("more-threads").hidden = !items.length || $("threads").children.length >= (total ?? 0);
}

async function openThread(id) {
  leave();
  thread = id;
  const { items } = await api.call("GET", `/agent/threads/${encodeURIComponent(id)}/messages`);
  if (thread === id) view.show(items);
}

function leave() { run.detach(); view.clear(); thread = null; working(false); $("approval").hidden = true; }

async function runs() {
  const { items } = await api.call("GET", "/agent/runs");
  $("runs").replaceChildren(...items.map((r) => {
    const li = element("li", `${r.agent_name ?? r.kind} · ${r.status} `), u = r.usage ?? {};
    if (/^https?:\/\//.test(r.temporal_ui_url ?? "")) {
      const a = element("a", "Temporal"); a.href = r.temporal_ui_url; a.target = "_blank"; a.rel = "noopener noreferrer"; li.append(a);
    }
    li.append(element("div", `${u.input_tokens ?? 0} in, ${u.output_tokens ?? 0} out · $${r.cost_usd ?? 0}`, "dim"));
    return li;
  }));
}

async function enter() {
  shown(true);
  const c = await api.call("GET", "/agent/config");
  $("agent").replaceChildren(...c.agents.map((a) => { const o = element("option", a.name); o.value = a.name; o.title = a.description ?? ""; return o; }));
  $("web-search").disabled = !c.web_search?.enabled;
  await Promise.all([threads(), runs()]);
  const id = run.remembered();
  if (id) await finish(run.join(id));
}

function ask(interrupt) {
  $("approval").hidden = false;
  $("approval-text").textContent = interrupt?.message ?? interrupt?.reason ?? "The agent waits for you.";
  $("decisions").replaceChildren(...["approve", "edit", "reject", "answer"].map((d) => {
    const b = element("button", d[0].toUpperCase() + d.slice(1)); b.type = "button"; b.onclick = guard(() => decide(d, interrupt)); return b;
  }));
}

async function decide(decision, interrupt) {
  const text = $("feedback").value.trim();
  const body = decision === "answer" ? { decision: "approve", answers: { [interrupt?.id ?? "answer"]: text } } : { decision, ...(text && { feedback: text }) };
  await run.resume(body);
  $("approval").hidden = true; $("feedback").value = "";
  await finish(run.join(run.currentRun()));
}

async function finish(following) {
  working(true);
  let end;
  try { end = await following; } catch (e) { working(false); throw e; }
  if (!end) return;
  working(false);
  if (end.type === "RUN_ERROR") fail(new Error(end.message));
  else if (end.outcome?.type === "interrupt") ask(end.outcome.interrupts?.[0]);
  else $("status").textContent = end.outcome?.type === "cancelled" ? "Cancelled" : "Done";
  thread = end.threadId ?? thread;
  await Promise.all([threads(), runs()]);
}

async function submit() {
  const content = $("prompt").value.trim();
  if (!content || busy) return;
  $("prompt").value = ""; $("approval").hidden = true;
  view.show([{ id: crypto.randomUUID?.() ?? String(Math.random()), role: "user", content }]);
  await finish(run.start({ messages: [{ role: "user", content }], ...(thread && { thread_id: thread }), agent_name: $("agent").value,
    enable_web_search: $("web-search").checked, enable_deep_thinking: $("deep").checked, ...($("hold").checked && { interrupt_before_tools: ["*"] }) }));
}

async function login(event) {
  const f = new FormData(event.target);
  const body = { username: f.get("username"), password: f.get("password") };
  if (captcha) Object.assign(body, { captcha_id: captcha, captcha_code: f.get("captcha_code") });
  try { await api.login(body); } catch (e) {
    if (captcha || ["CAPTCHA_REQUIRED", "CAPTCHA_INVALID"].includes(e.code)) {
      const c = await api.call("GET", "/admin/auth/captcha");
      captcha = c.captcha_id; $("captcha-image").src = c.image; $("captcha").hidden = false;
    }
    throw e;
  }
  captcha = null; $("captcha").hidden = true; $("login-form").reset();
  await enter();
}

$("login-form").onsubmit = guard(login);
$("composer").onsubmit = guard(submit);
$("approval").onsubmit = (e) => e.preventDefault();
$("cancel").onclick = guard(run.cancel);
$("logout").onclick = guard(async () => { leave(); shown(false); await api.logout(); });
$("new-thread").onclick = () => { leave(); $("prompt").focus(); };
$("more-threads").onclick = guard(() => threads(false));
$("prompt").onkeydown = (e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); $("composer").requestSubmit(); } };
document.addEventListener("keydown", (e) => { if (e.key === "Escape" && busy) $("cancel").click(); });
try { await api.refresh(); await guard(enter)(); } catch { shown(false); }
