// Tables: rows of columns, and trees of rows. On narrow screens each row becomes a card (see style.css).
import { h } from "../dom.js";

/**
 * A table. A column: `{label, cell(item) → node or text, class?, sort?}`.
 *
 * `sorted`: what it is sorted by (`name`, `-name`), with `onsort(by)` for a column's own `sort` name.
 */
export function table({ caption, columns, items, empty = "Nothing here yet.", sorted, onsort }) {
  if (!items.length) return h("p", { class: "empty" }, empty);
  return framed(
    caption,
    headOf(columns, sorted, onsort),
    items.map((item) => rowOf(columns, item)),
  );
}

/**
 * A table of a tree (`children`): the first column is indented, and rows fold what is below them. `folded`: ids, kept by the caller.
 */
export function treeTable({ caption, columns, items, empty = "Nothing here yet.", folded }) {
  if (!items.length) return h("p", { class: "empty" }, empty);
  const [first, ...others] = columns;
  const rows = [];
  const named = (depth, node) => ({ ...first, class: "tree", cell: (item) => indented(item, depth, node) });

  function indented(item, depth, node) {
    const fold = item.children.length ? foldOf(item, node) : h("span", { class: "leaf" });
    const place = h("span", { class: "indent" }, fold, h("span", {}, first.cell(item)));
    place.style.setProperty("--depth", depth);
    return place;
  }

  function foldOf(item, node) {
    const turn = () => {
      if (!folded.delete(item.id)) folded.add(item.id);
      button.setAttribute("aria-expanded", String(!folded.has(item.id)));
      show(node.below, true);
    };
    const button = h("button", { type: "button", class: "quiet fold-row", onclick: turn }, "›");
    button.setAttribute("aria-label", `What is below ${item.title ?? item.name}`);
    button.setAttribute("aria-expanded", String(!folded.has(item.id)));
    return button;
  }

  /** Show rows and what is below them, as far as nothing above is folded. */
  function show(nodes, open) {
    for (const node of nodes) {
      const visible = open && !folded.has(node.above);
      node.row.hidden = !visible;
      show(node.below, visible);
    }
  }

  function grow(level, depth, above) {
    return level.map((item) => {
      const node = { above, below: [] };
      rows.push(node);
      node.row = rowOf([named(depth, node), ...others], item);
      node.below = grow(item.children, depth + 1, item.id);
      return node;
    });
  }

  show(grow(items, 0, null), true);
  return framed(
    caption,
    headOf(columns),
    rows.map((node) => node.row),
  );
}

function framed(caption, head, rows) {
  return h(
    "table",
    { role: "table", "aria-label": caption },
    h("thead", { role: "rowgroup" }, head),
    h("tbody", { role: "rowgroup" }, rows),
  );
}

function rowOf(columns, item) {
  const cell = (column) =>
    h("td", { role: "cell", class: column.class ?? "", dataset: { label: column.label } }, column.cell(item));
  return h("tr", { role: "row" }, columns.map(cell));
}

function headOf(columns, sorted = "", onsort = () => {}) {
  return h(
    "tr",
    { role: "row" },
    columns.map((column) => {
      const order = sorted === column.sort ? "ascending" : sorted === `-${column.sort}` ? "descending" : null;
      const turn = () => onsort(order === "ascending" ? `-${column.sort}` : column.sort);
      const label = column.sort
        ? h(
            "button",
            { type: "button", class: `sort ${order ?? ""}`, "aria-label": `Sort by ${column.label}`, onclick: turn },
            column.label,
          )
        : column.label;
      return h("th", { scope: "col", role: "columnheader", "aria-sort": order }, label);
    }),
  );
}

/** A tree's nodes as a select's options, indented by their depth; without the branch of `except`. */
export function choices(nodes, name, { except = null, depth = 0 } = {}) {
  return nodes
    .filter((node) => node.id !== except)
    .flatMap((node) => [
      [node.id, `${"\u2003".repeat(depth)}${node[name]}`],
      ...choices(node.children, name, { except, depth: depth + 1 }),
    ]);
}
