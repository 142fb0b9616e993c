// A page of a list: filters, table, pager. What is chosen stands in the address, so that a reload and the back button keep it.
import { call, withQuery } from "../api.js";
import { fill, h } from "../dom.js";
import { announce } from "./banner.js";

/** A table. A column: `{label, cell(item) → node or text, class?}`. On narrow screens each row becomes a card (see style.css). */
export function table({ caption, columns, items, empty = "Nothing here yet." }) {
  if (!items.length) return h("p", { class: "empty" }, empty);
  const head = h(
    "tr",
    { role: "row" },
    columns.map(({ label }) => h("th", { scope: "col", role: "columnheader" }, label)),
  );
  const cell = (column, item) =>
    h("td", { role: "cell", class: column.class ?? "", dataset: { label: column.label } }, column.cell(item));
  const rows = items.map((item) =>
    h(
      "tr",
      { role: "row" },
      columns.map((column) => cell(column, item)),
    ),
  );
  return h(
    "table",
    { role: "table", "aria-label": caption },
    h("thead", { role: "rowgroup" }, head),
    h("tbody", { role: "rowgroup" }, rows),
  );
}

/** Back, where one is, forth. `show(page)` updates it in place, so that the focus stays. */
export function pager(onpage) {
  const back = h("button", { type: "button", onclick: () => onpage(-1) }, "Previous");
  const forth = h("button", { type: "button", onclick: () => onpage(1) }, "Next");
  const where = h("span", { class: "dim" });
  const node = h("nav", { class: "row pager", "aria-label": "Pages" }, back, where, forth);
  const show = ({ page, total_pages: pages, total }) => {
    where.textContent = `Page ${page} of ${Math.max(pages, 1)} · ${total} in all`;
    back.disabled = page <= 1;
    forth.disabled = page >= pages;
    node.hidden = pages <= 1 && page <= 1;
  };
  return { node, show };
}

/**
 * A list of the API (`GET path?page&size&…` → `{items, total, page, total_pages}`) with its filters and pager.
 *
 * `filters`: `[{name, label, options: [[value, label]]}]` for a choice, without `options` for a text. `actions`: nodes beside them.
 * `fixed` are parameters that no filter has, or that hold until one is chosen. Returns `{reload, update}`: a page's `render` returns `update`, and calls `reload` after it has changed something.
 */
export function listing(
  root,
  ctx,
  { path, caption, columns, filters = [], fixed = {}, actions = [], size = 20, empty },
) {
  let { path: place, query } = ctx;
  let asked = 0;
  const turn = pager((by) => change({ page: Number(query.get("page") ?? 1) + by }));
  const body = h("div", { class: "table" });
  const inputs = filters.map((filter) => filterOf(filter, (value) => change({ [filter.name]: value, page: "" })));
  const refresh = h("button", { type: "button", onclick: ctx.guard(() => load()) }, "Refresh");
  root.append(
    h(
      "div",
      { class: "row toolbar" },
      inputs.map((one) => one.node),
      h("span", { class: "grow" }),
      actions,
      refresh,
    ),
    body,
    turn.node,
  );

  function change(values) {
    const wanted = { ...Object.fromEntries(query), ...values };
    ctx.go(withQuery(place, wanted));
  }

  async function load() {
    const mine = (asked += 1); // an older answer that comes late is not shown
    inputs.forEach((one) => one.show(query.get(one.name) ?? fixed[one.name] ?? ""));
    body.setAttribute("aria-busy", "true");
    try {
      const chosen = Object.fromEntries(filters.map(({ name }) => [name, query.get(name) ?? fixed[name]]));
      const given = { ...fixed, ...chosen };
      const found = await call("GET", withQuery(path, { page: query.get("page") ?? 1, size, ...given }), undefined, {
        signal: ctx.signal,
      });
      if (mine !== asked) return;
      fill(body, table({ caption, columns, items: found.items, empty }));
      turn.show(found);
      announce(`${caption}: ${found.total} in all`);
    } finally {
      body.removeAttribute("aria-busy");
    }
  }

  const update = (next) => {
    ({ path: place, query } = next);
    return load();
  };
  return { reload: load, update, ready: load() };
}

function filterOf({ name, label, options }, onvalue) {
  const change = (event) => onvalue(event.target.value);
  const input = options
    ? h(
        "select",
        { onchange: change },
        options.map(([value, text]) => h("option", { value }, text)),
      )
    : h("input", { type: "search", onchange: change });
  return {
    name,
    node: h("label", { class: "inline" }, label, " ", input),
    show: (value) => {
      input.value = value;
    },
  };
}
