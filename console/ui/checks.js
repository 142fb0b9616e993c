// Check boxes for a tree of things: each is chosen for itself, and choosing one chooses or leaves all that is below it.
import { h } from "../dom.js";

/** A control of `type: "checks"`: `nodes: [{id, label, children?}]`, `value: [id]`; it reads as the ids that are checked. */
export function checkTree({ nodes, value = [], empty = "There is none." }, id) {
  const chosen = new Set(value);
  const boxes = [];
  const input = h(
    "div",
    { class: "checks", id, role: "group", tabindex: "-1", "aria-labelledby": `${id}-label` },
    nodes.length ? list(nodes) : h("p", { class: "dim" }, empty),
  );
  return { input, read: () => boxes.filter((box) => box.input.checked).map((box) => box.id) };

  function list(level) {
    return h("ul", {}, level.map(item));
  }

  function item(node) {
    const box = h("input", { type: "checkbox", checked: chosen.has(node.id) });
    const below = node.children?.length ? list(node.children) : null;
    boxes.push({ id: node.id, input: box });
    box.addEventListener("change", () => {
      for (const other of below?.querySelectorAll("input") ?? []) other.checked = box.checked;
    });
    return h("li", {}, h("label", { class: "choice-line" }, box, h("span", {}, node.label)), below);
  }
}
