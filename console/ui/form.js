// Forms: fields by declaration, the API's field errors beside their fields.
import { fill, h, uid } from "../dom.js";

/**
 * A form of labelled fields.
 *
 * A field: `{name, label, type?, value?, required?, hint?, options?, rows?, parse?, autocomplete?, step?, above?, visible?}`. `type` is an input's
 * type, or `textarea`, `select` (`options: [[value, label]]`) or `checkbox`. `parse(text)` makes the value and may throw.
 * `onsubmit(values)` may throw: an API error's `errors` are shown beside their fields, its message below them.
 */
export function form({ fields, submit = "Save", cancel = null, danger = false, onsubmit, oncancel }) {
  const parts = fields.map(fieldOf);
  const message = h("p", { class: "bad-text", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
  const back = cancel ? h("button", { type: "button", onclick: oncancel }, cancel) : null;
  const handle = async (event) => {
    event.preventDefault();
    parts.forEach((part) => part.fail(""));
    message.textContent = "";
    button.disabled = true;
    try {
      await onsubmit(valuesOf(parts));
    } catch (error) {
      showErrors(error, parts, message);
    }
    button.disabled = false;
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
    field: (name) => parts.find((part) => part.name === name),
    focus: () => parts.find((part) => !part.row.hidden)?.input.focus(),
  };
}

function valuesOf(parts) {
  const values = {};
  for (const part of parts.filter((one) => !one.row.hidden)) {
    try {
      values[part.name] = part.read();
    } catch (error) {
      throw Object.assign(error, { errors: [{ loc: ["body", part.name], msg: error.message }] });
    }
  }
  return values;
}

function showErrors(error, parts, message) {
  if (error?.name === "AbortError") return;
  const left = [];
  for (const { loc = [], msg } of error.errors ?? []) {
    const part = parts.find((one) => loc.includes(one.name));
    if (part) part.fail(msg);
    else left.push(`${loc.join(".")}: ${msg}`);
  }
  const all = error.errors?.length && !left.length ? "" : [error.message, ...left].join(" ");
  message.textContent = all;
  (parts.find((part) => part.failed) ?? parts.find((part) => !part.row.hidden))?.input.focus();
}

function fieldOf(spec) {
  const { name, label, type = "text", hint, visible = true } = spec;
  const id = uid(name);
  const input = controlOf(spec, id, type);
  const note = h("small", { id: `${id}-note`, class: "dim" }, hint ?? "");
  const caption = h("label", { for: id }, label);
  const row = h(
    "div",
    { class: type === "checkbox" ? "field check" : "field", hidden: !visible },
    type === "checkbox" ? [input, caption] : [caption, spec.above ?? null, input],
    note,
  );
  const part = {
    name,
    row,
    input,
    failed: false,
    read: () => readOf(input, type, spec.parse),
    fail: (text) => {
      part.failed = Boolean(text);
      input.setAttribute("aria-invalid", String(part.failed));
      fill(note, text ? h("span", { class: "bad-text" }, text) : (hint ?? ""));
    },
  };
  return part;
}

function controlOf(
  { name, value, required, options = [], rows = 3, autocomplete, placeholder, spellcheck, step },
  id,
  type,
) {
  const shared = { id, name, required, autocomplete, placeholder, spellcheck, step, "aria-describedby": `${id}-note` };
  if (type === "textarea") return h("textarea", { ...shared, rows, value: value ?? "" });
  if (type === "checkbox") return h("input", { ...shared, type, checked: Boolean(value) });
  if (type !== "select") return h("input", { ...shared, type, value: value ?? "" });
  return h(
    "select",
    shared,
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
  );
}

function readOf(input, type, parse) {
  if (type === "checkbox") return input.checked;
  if (parse) return parse(input.value);
  return type === "number" ? (input.value === "" ? null : Number(input.value)) : input.value;
}
