// The fields of a form. Each part: `{name, row, read(), fail(text, path), clear(), focus()}`; `row.hidden` leaves it out.
import { fill, h, uid } from "../dom.js";
import { checkTree } from "./checks.js";
import { group } from "./groups.js";

/** The part of a declaration; `form` (form.js) says what one looks like. */
export function partOf(spec) {
  if (spec.type === "group") return group(spec);
  const id = uid(spec.name.replaceAll(".", "-"));
  const made = spec.type === "checks" ? checkTree(spec, id) : controlOf(spec, id);
  return Object.assign(framed(spec, id, made), { name: spec.name, read: made.read, input: made.input });
}

/** The label, the control, and below it the hint or what is wrong with it. */
function framed({ label, type, hint, above, visible = true }, id, { input, node = input }) {
  const note = h("small", { id: `${id}-note`, class: "dim" }, hint ?? "");
  const single = type === "checkbox";
  const caption =
    type === "checks"
      ? h("span", { class: "caption", id: `${id}-label` }, label)
      : h("label", { for: id, class: single ? null : "caption" }, label);
  const row = h(
    "div",
    { class: single ? "field check" : "field", hidden: !visible },
    single ? [node, caption] : [caption, above ?? null, node],
    note,
  );
  const part = { row, failed: false, clear: () => part.fail(""), focus: () => input.focus() };
  part.fail = (text) => {
    part.failed = Boolean(text);
    input.setAttribute("aria-invalid", String(part.failed));
    fill(note, text ? h("span", { class: "bad-text" }, text) : (hint ?? ""));
    return true;
  };
  return part;
}

const SHARED = ["name", "required", "autocomplete", "placeholder", "spellcheck", "min", "max", "step", "maxlength"];

function controlOf(spec, id) {
  const { type = "text", options = [], value, rows = 3 } = spec;
  const shared = { id, "aria-describedby": `${id}-note` };
  for (const name of [...SHARED, "disabled"]) if (spec[name] !== undefined) shared[name] = spec[name];
  const input = made();
  return { input, read: () => readOf(input, type, spec.parse) };

  function made() {
    if (type === "textarea" || type === "json") {
      const text = type === "json" ? jsonOf(value) : (value ?? "");
      return h("textarea", { spellcheck: type === "json" ? "false" : null, ...shared, rows, value: text });
    }
    if (type === "checkbox") return h("input", { ...shared, type, checked: Boolean(value) });
    if (type === "datetime") return h("input", { step: 1, ...shared, type: "datetime-local", value: localTime(value) });
    if (type !== "select") return h("input", { step: "any", ...shared, type, value: value ?? "" });
    const list = options.map(([key, text]) => h("option", { value: key, selected: key === value }, text));
    return h("select", shared, list);
  }
}

function readOf(input, type, parse) {
  if (type === "checkbox") return input.checked;
  if (parse) return parse(input.value);
  const text = input.value;
  if (type === "number") return text === "" ? null : Number(text);
  if (type === "datetime") return text === "" ? null : new Date(text).toISOString();
  if (type === "json") return text.trim() ? parseJson(text) : null;
  return text;
}

const jsonOf = (value) => (value === undefined || value === null ? "" : JSON.stringify(value, null, 2));

/** For `parse`: any JSON. */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
}

/** A moment (RFC 3339) as `datetime-local` takes it: on this browser's clock, without a zone. */
export function localTime(moment) {
  if (!moment) return "";
  const at = new Date(moment);
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString();
  return shifted.slice(0, at.getUTCSeconds() ? 19 : 16);
}

/** For `parse`: an empty field is null. */
export const orNull = (text) => text.trim() || null;

/** For `parse`: the number that a choice stands for; the empty choice is null. */
export const idOrNull = (text) => (text === "" ? null : Number(text));
