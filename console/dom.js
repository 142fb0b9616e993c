// Elements without markup: text goes in as text nodes, so nothing that a model or a user wrote can become HTML.

const PROPERTIES = new Set(["value", "checked", "selected", "disabled", "hidden", "open", "indeterminate"]);

/** An element. `props`: attributes, `class`, `dataset`, `on<event>` handlers. Children: nodes, texts, nested lists of them. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) assign(node, name, value);
  node.append(...present(children));
  return node;
}

function assign(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class") node.className = value ?? "";
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (PROPERTIES.has(name)) node[name] = value;
  else if (value !== null && value !== undefined && value !== false)
    node.setAttribute(name, value === true ? "" : value);
}

const present = (children) =>
  children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

/** Replace what a node holds. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

/** A link to another site; text alone where the address is none of the web's. */
export function external(href, text, props = {}) {
  if (!/^https?:\/\//i.test(href ?? "")) return h("span", {}, text);
  return h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, text);
}

let counter = 0;

/** An id for `for`, `aria-labelledby` and their like. */
export const uid = (prefix = "id") => `${prefix}-${(counter += 1)}`;

/** 128 random bits. `crypto.randomUUID` exists on https and localhost alone. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
