// Forms: fields by declaration, the API's field errors beside their fields.
import { h } from "../dom.js";
import { partOf } from "./fields.js";
import { failAt, failed, valuesOf } from "./groups.js";

/**
 * A form of labelled fields.
 *
 * A field: `{name, label, type?, value?, required?, hint?, options?, rows?, parse?, autocomplete?, visible?, disabled?, min?, max?}`.
 * `type` is an input's type, or `textarea`, `select` (`options: [[value, label]]`), `checkbox`, `datetime` (a moment, or null), `json`,
 * `checks` (checks.js) or `group` (groups.js); a part that is made already stands for itself. `parse(text)` makes the value and may throw.
 * `onsubmit(values)` may throw: an API error's `errors` are shown beside their fields, its message below them.
 */
export function form({ fields, submit = "Save", cancel = null, danger = false, onsubmit, oncancel }) {
  const parts = fields.filter(Boolean).map((one) => (one.row ? one : partOf(one)));
  const message = h("p", { class: "bad-text", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
  const back = cancel ? h("button", { type: "button", onclick: oncancel }, cancel) : null;
  const clear = () => {
    parts.forEach((part) => part.clear());
    message.textContent = "";
  };
  const handle = async (event) => {
    event.preventDefault();
    clear();
    button.disabled = true;
    try {
      await onsubmit(valuesOf(parts));
      button.disabled = false;
    } catch (error) {
      button.disabled = false;
      showErrors(error, parts, message);
      (failed(parts) ?? button).focus();
    }
  };
  const actions = h("div", { class: "row end" }, back, button);
  const node = h(
    "form",
    { class: "form", onsubmit: handle },
    parts.map((part) => part.row),
    message,
    actions,
  );
  return {
    node,
    actions,
    values: () => valuesOf(parts),
    field: (name) => parts.find((part) => part.name === name),
    focus: () => parts.find((part) => !part.row.hidden)?.focus(),
  };
}

function showErrors(error, parts, message) {
  if (error?.name === "AbortError") return;
  const left = [];
  for (const { loc = [], msg } of error.errors ?? []) {
    const path = loc[0] === "body" ? loc.slice(1) : loc;
    if (!failAt(parts, path, msg)) left.push(path.length ? `${path.join(".")}: ${msg}` : msg);
  }
  const all = error.errors?.length && !left.length ? "" : [error.message, ...left].join(" ");
  message.textContent = all;
}
