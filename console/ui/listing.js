// A page of a list: filters, table, pager. What is chosen stands in the address, so that a reload and the back button keep it.
import { call, withQuery } from "../api.js";
import { fill, h } from "../dom.js";
import { announce } from "./banner.js";
import { localTime } from "./fields.js";
import { table, treeTable } from "./table.js";

const AGAIN_MS = 3_000;

/** Back, where one is, forth. `show(page)` updates it in place, so that the focus stays. */
export function pager(onpage) {
  const back = h("button", { type: "button", onclick: () => onpage(-1) }, "Previous");
  const forth = h("button", { type: "button", onclick: () => onpage(1) }, "Next");
  const where = h("span", { class: "dim" });
  const node = h("nav", { class: "row pager", "aria-label": "Pages of the list" }, back, where, forth);
  const show = ({ page, total_pages: pages, total }) => {
    where.textContent = `Page ${page} of ${Math.max(pages, 1)} · ${total} in all`;
    back.disabled = page <= 1;
    forth.disabled = page >= pages;
    node.hidden = pages <= 1 && page <= 1;
  };
  return { node, show };
}

/**
 * A list of the API (`GET path?page&size&sort&…` → `{items, total, page, total_pages}`) with its filters and pager; with `tree`, a tree
 * of the API (`GET path?…` → `[{…, children}]`) and no pager.
 *
 * `filters`: `[{name, label, options: [[value, label]]}]` for a choice, `type: "datetime"` for a moment, neither for a text. `actions`:
 * nodes beside them. `fixed`: parameters that no filter has, or that hold until one is chosen. `sort`: the order that the API has when it is asked for none. `unsettled(item)`: whether an item will change by
 * itself; while one is shown that will, the list is read again.
 * Returns `{reload, update, ready}`: a page's `render` returns `update`, and calls `reload` after it has changed something.
 */
export function listing(
  root,
  ctx,
  {
    path,
    caption,
    columns,
    filters = [],
    fixed = {},
    actions = [],
    size = 20,
    empty,
    sort,
    tree,
    unsettled = () => false,
  },
) {
  let { path: address, query } = ctx;
  let asked = 0;
  let later = null;
  ctx.signal.addEventListener("abort", () => clearTimeout(later));
  const folded = new Set();
  const turn = pager((by) => change({ page: Number(query.get("page") ?? 1) + by }));
  turn.node.hidden = true;
  const body = h("div", { class: "table" }, h("p", { class: "empty" }, "Loading…"));
  const inputs = filters.map((filter) => filterOf(filter, (value) => change({ [filter.name]: value, page: "" })));
  const refresh = h("button", { type: "button", onclick: ctx.guard(() => load()) }, "Refresh");
  const tools = [inputs.map((one) => one.node), h("span", { class: "grow" }), actions, refresh];
  root.append(h("div", { class: "row toolbar" }, tools), body, turn.node);

  function change(values) {
    ctx.go(withQuery(address, { ...Object.fromEntries(query), ...values }));
  }

  async function load() {
    const mine = (asked += 1); // an older answer that comes late is not shown
    clearTimeout(later);
    inputs.forEach((one) => one.show(query.get(one.name) ?? fixed[one.name] ?? ""));
    body.setAttribute("aria-busy", "true");
    try {
      const wanted = Object.fromEntries(
        [...filters.map(({ name }) => name), "sort"].map((name) => [name, query.get(name) ?? fixed[name]]),
      );
      const place = tree ? {} : { page: query.get("page") ?? 1, size };
      const found = await call("GET", withQuery(path, { ...fixed, ...place, ...wanted }), undefined, {
        signal: ctx.signal,
      });
      if (mine === asked) show(tree ? { items: found, total: found.length } : found);
    } catch (error) {
      if (mine === asked && error.name !== "AbortError") fill(body, h("p", { class: "empty" }, "Not loaded."));
      throw error;
    } finally {
      body.removeAttribute("aria-busy");
    }
  }

  function show(found) {
    const sorted = query.get("sort") ?? sort;
    const onsort = (by) => change({ sort: by, page: "" });
    const draw = tree ? treeTable : table;
    keepingFocus(body, refresh, () => {
      fill(body, draw({ caption, columns, items: found.items, empty, sorted, onsort, folded }));
    });
    if (found.items.some(unsettled)) later = setTimeout(() => load().catch(ctx.report), AGAIN_MS);
    if (tree) return;
    turn.show(found);
    announce(`${caption}: ${found.total} in all`);
  }

  const update = (next) => {
    ({ path: address, query } = next);
    return load();
  };
  return { reload: load, update, ready: load() };
}

/** Draw `place` anew; the focus stays on what has the same label, or goes to `fallback`. */
function keepingFocus(place, fallback, draw) {
  const held = place.contains(document.activeElement) ? document.activeElement : null;
  draw();
  if (!held) return;
  const label = held.getAttribute("aria-label");
  (label ? (place.querySelector(`[aria-label="${CSS.escape(label)}"]`) ?? fallback) : fallback).focus();
}

function filterOf({ name, label, options, type = "search" }, onvalue) {
  const moment = type === "datetime";
  const read = (value) => (moment && value ? new Date(value).toISOString() : value);
  const change = (event) => onvalue(read(event.target.value));
  const input = options
    ? h(
        "select",
        { onchange: change },
        options.map(([value, text]) => h("option", { value }, text)),
      )
    : h("input", { type: moment ? "datetime-local" : type, onchange: change });
  return {
    name,
    node: h("label", { class: "inline" }, label, " ", input),
    show: (value) => {
      input.value = moment ? localTime(value) : value;
    },
  };
}
