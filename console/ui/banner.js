// What went wrong, told once, at the top of the page; and small news for screen readers.
import { fill, h } from "../dom.js";

const box = h("div", { class: "banners", role: "alert" });
const news = h("div", { class: "unseen", role: "status" });
const toasts = h("div", { class: "toasts", role: "status" });
const TOAST_MS = 6_000;
document.body.append(box, news, toasts);

/** Show an error; an aborted request is none. */
export function report(error) {
  if (error?.name === "AbortError") return;
  if (!error?.status && error?.constructor?.name !== "Unreachable") console.error(error);
  const trace = error?.requestId ? h("small", {}, `Request ${error.requestId}`) : null;
  const dismiss = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: clear }, "×");
  fill(
    box,
    h("div", { class: "banner bad" }, h("div", {}, h("p", {}, error?.message || String(error)), trace), dismiss),
  );
}

export function clear() {
  fill(box);
}

/** Say something to those who listen instead of look. */
export function announce(text) {
  if (news.textContent !== text) news.textContent = text;
}

/** Say, for a while, that something was done. */
export function tell(text) {
  const toast = h("p", { class: "banner good" }, text);
  toasts.append(toast);
  setTimeout(() => toast.remove(), TOAST_MS);
}

/** An event handler whose failure is shown. */
export const guard = (work) => async (event) => {
  event?.preventDefault?.();
  clear();
  try {
    return await work(event);
  } catch (error) {
    return report(error);
  }
};
