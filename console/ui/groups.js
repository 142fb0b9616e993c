// Parts of a form that hold parts: a frame around several, and a list of such frames that one adds to.
import { fill, h, uid } from "../dom.js";
import { partOf } from "./fields.js";

/** The values by name; a part's own error names it. A value that is undefined is left out by JSON. */
export function valuesOf(parts) {
  const values = {};
  for (const part of parts.filter((one) => !one.row.hidden)) {
    try {
      values[part.name] = part.read();
    } catch (error) {
      const errors = error.errors ?? [{ loc: [], msg: error.message }];
      throw Object.assign(error, { errors: errors.map((one) => ({ ...one, loc: [part.name, ...one.loc] })) });
    }
  }
  return values;
}

/** Show an error at the part that its path names. Returns whether there is one. */
export function failAt(parts, [name, ...path], text) {
  const part = parts.find((one) => one.name === name && !one.row.hidden);
  return part ? part.fail(text, path) : false;
}

/** `{type: "group", name, label?, fields}`: an object. `set(fields)` puts others in their place. */
export function group({ name, label, fields, visible = true }) {
  const heading = label ? h("legend", {}, label) : null;
  const row = h("fieldset", { class: "group", hidden: !visible });
  const part = { name, row, parts: [], set, read: () => valuesOf(part.parts) };
  part.fail = (text, path) => failAt(part.parts, path ?? [], text);
  part.clear = () => part.parts.forEach((one) => one.clear());
  part.focus = () => (failed(part.parts) ?? part.parts[0])?.focus();
  Object.defineProperty(part, "failed", { get: () => Boolean(failed(part.parts)) });

  function set(next) {
    part.parts = next.map(partOf);
    row.hidden = !visible || !next.length;
    fill(
      row,
      heading,
      part.parts.map((one) => one.row),
    );
  }
  set(fields);
  return part;
}

export const failed = (parts) => parts.find((part) => part.failed);

/**
 * A list of objects: `fieldsOf(value)` declares one's fields, `titleOf(values)` is what it is called while it is folded, and
 * `arrange(field, values)` may hide fields after each change (`field(name).row.hidden`). Buttons move and remove; errors unfold theirs.
 */
export function groupList({ name, label, values, fieldsOf, titleOf, arrange = () => {}, add = "Add" }) {
  const caption = uid("list");
  const list = h("div", { class: "list" });
  const more = h("button", { type: "button", onclick: () => append({}, true) }, add);
  const row = h(
    "section",
    { class: "field", "aria-labelledby": caption },
    h("span", { id: caption, class: "caption" }, label),
    list,
    h("div", { class: "row" }, more),
  );
  let items = [];
  const wrongOne = () => items.find((item) => item.failed());
  const part = { name, row, focus: () => (wrongOne()?.parts ?? more).focus() };
  part.read = () => {
    const numbered = items.map((item, at) => ({ name: at, row: item.node, read: item.parts.read }));
    return Object.values(valuesOf(numbered));
  };
  part.fail = (text, [at, ...path] = []) => {
    const item = items[at];
    if (!item) return false;
    item.node.open = true;
    return item.parts.fail(text, path) || item.tell(text);
  };
  part.clear = () => items.forEach((item) => item.clear());
  Object.defineProperty(part, "failed", { get: () => Boolean(wrongOne()) });

  function append(value, isNew = false) {
    const item = itemOf(value);
    items.push(item);
    list.append(item.node);
    item.node.open = !Object.keys(value).length;
    if (isNew) item.parts.focus();
  }

  function itemOf(value) {
    const parts = group({ name: "", fields: fieldsOf(value) });
    const title = h("span", { class: "grow" });
    const wrong = h("p", { class: "bad-text", role: "alert" });
    const move = (by) => () => reorder(item, by);
    const button = (text, does, onclick) =>
      h("button", { type: "button", class: "quiet", "aria-label": `${does} this one`, onclick }, text);
    const bar = h("div", { class: "row" }, button("↑", "Move up", move(-1)), button("↓", "Move down", move(1)));
    const node = h("details", { class: "fold" }, h("summary", {}, title), wrong, parts.row, bar);
    const item = { node, parts, clear, tell, failed: () => parts.failed || Boolean(wrong.textContent) };
    bar.append(button("Remove", "Remove", () => remove(item)));
    const follow = () => {
      const present = loose(parts.parts);
      title.textContent = titleOf(present);
      arrange((wanted) => parts.parts.find((one) => one.name === wanted), present);
    };
    node.addEventListener("input", follow);
    // The browser cannot point at a field that is folded away.
    node.addEventListener("invalid", () => (node.open = true), true);
    follow();
    return item;

    function clear() {
      wrong.textContent = "";
      parts.clear();
    }
    function tell(text) {
      wrong.textContent = text;
      return true;
    }
  }

  function reorder(item, by) {
    const at = items.indexOf(item);
    const to = Math.min(Math.max(at + by, 0), items.length - 1);
    items.splice(at, 1);
    items.splice(to, 0, item);
    const held = document.activeElement;
    list.append(...items.map((one) => one.node));
    held?.focus();
  }

  function remove(item) {
    items = items.filter((one) => one !== item);
    item.node.remove();
    more.focus();
  }

  values.forEach((value) => append(value));
  return part;
}

/** What can be read now; a value that does not parse yet is left out. */
export function loose(parts) {
  const values = {};
  for (const part of parts) {
    try {
      values[part.name] = part.read();
    } catch {
      values[part.name] = null;
    }
  }
  return values;
}
