// The frame around the pages: the menu, who is signed in, and the place where the present page stands.
import { logout } from "./api.js";
import { fill, h, uid } from "./dom.js";
import { PAGES } from "./pages/index.js";
import { Router } from "./router.js";
import { themeSelect } from "./theme.js";
import { clear, guard, report } from "./ui/banner.js";
import { holds } from "./ui/rights.js";

const ACCOUNT = "Account"; // the group of pages that stand in one's own menu

/** A button, and what it unfolds. */
function unfolding(text, label, ...inside) {
  const id = uid("menu");
  const button = h(
    "button",
    { type: "button", class: "quiet", popovertarget: id, "aria-label": label === text ? null : `${label}: ${text}` },
    text,
  );
  return h("div", { class: "anchor below" }, button, h("div", { id, class: "menu", popover: "auto" }, inside));
}

/**
 * The pages' links in their order; those of a group are behind one button, where the group's first page stands, below the titles of
 * their directories in the sidebar.
 */
function menuOf(pages, links, menus) {
  const groups = [...new Set(pages.map((page) => page.group ?? page))].filter((group) => group !== ACCOUNT);
  const below = (page) => menus.get(page.menu)?.below;
  return groups.map((group) => {
    const mine = pages.filter((page) => (page.group ?? page) === group);
    const headed = mine.map((page, at) => {
      const heading = below(page) && below(page) !== below(mine[at - 1] ?? {}) ? h("h4", {}, below(page)) : null;
      return [heading, links[pages.indexOf(page)]];
    });
    return typeof group === "string" ? unfolding(group, group, headed) : headed;
  });
}

/** The user's own menus by their names, each `{title, below}`: what an administrator hid is not among them. */
const menusOf = (nodes, below = null) =>
  new Map(nodes.flatMap(({ name, title, children }) => [[name, { title, below }], ...menusOf(children, title)]));

/** The signed-in console in `root`, with the API's `sidebar` for the user. Returns what ends it. */
export function showShell(root, user, sidebar) {
  const menus = menusOf(sidebar);
  const pages = PAGES.filter((page) => holds(user, page.needs));
  const listed = pages.filter((page) => !page.under && (!page.menu || menus.has(page.menu)));
  const links = listed.map((page) => h("a", { href: `#${page.path}` }, menus.get(page.menu)?.title ?? page.title));
  const mine = links.filter((_, at) => listed[at].group === ACCOUNT);
  const menu = h("nav", { "aria-label": "Pages" }, menuOf(listed, links, menus));
  const outlet = h("main", { id: "page", tabindex: "-1" });
  const skip = h("button", { type: "button", class: "skip", onclick: () => outlet.focus() }, "Skip to content");
  const brand = h(
    "a",
    { href: `#${pages[0].path}`, class: "brand", "aria-label": "Agents Backend" },
    h("img", { src: "/console/icon.svg", alt: "", class: "logo" }),
    h("span", {}, "Agents Backend"),
  );
  const leave = h("button", { type: "button", onclick: guard(logout) }, "Log out");
  const me = unfolding(user.username, "Account", mine, themeSelect(), leave);
  fill(root, skip, h("header", { class: "top" }, brand, menu, h("span", { class: "grow" }), me), outlet);

  let present = null; // {page, controller, update}
  const router = new Router(PAGES, show);

  async function show(page, route) {
    clear();
    if (!pages.includes(page)) return refuse(page);
    links.forEach((link, at) => {
      if (listed[at].path === (page.under ?? page.path)) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
    document.querySelectorAll(":popover-open").forEach((open) => open.hidePopover());
    document.querySelectorAll("dialog[open]").forEach((open) => open.close());
    document.title = `${page.title} · Agents Backend`;
    if (present?.page === page && present.update) return present.update(contextOf(route, present.controller.signal));
    return render(page, route);
  }

  /** A page without the right to see it, as by a link of somebody else. */
  async function refuse(page) {
    await router.replace(pages[0].path, { follow: true });
    report({ status: 403, message: `You may not open “${page.title}”: none of your roles has the right to.` });
  }

  async function render(page, route) {
    present?.controller.abort();
    const mine = (present = { page, controller: new AbortController(), update: null });
    const place = h("div", { class: `page page-${page.path.slice(1).replaceAll("/", "-")}` });
    fill(outlet, place);
    outlet.focus({ preventScroll: true });
    mine.update = await page.render(place, contextOf(route, mine.controller.signal));
  }

  function contextOf(route, signal) {
    return {
      ...route,
      user,
      signal,
      guard,
      report,
      clear,
      may: (permission) => holds(user, permission),
      go: (path) => router.go(path),
      replace: (path) => router.replace(path),
    };
  }

  router.show = (page, route) => show(page, route).catch(report);
  router.start();
  return () => {
    router.stop();
    present?.controller.abort();
  };
}
