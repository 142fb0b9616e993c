// A hash router: `#/runs?page=2` is the page of path `/runs`; what follows a page's path are its params (`#/chat/<thread>`).

/** The address as `{path, query}`. */
function location_() {
  const [path, query = ""] = location.hash.slice(1).split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

export class Router {
  /** `show(page, route)` renders; it is called with the same page again when only params or query have changed. */
  constructor(pages, show) {
    this.pages = [...pages].sort((a, b) => b.path.length - a.path.length);
    this.fallback = pages[0];
    this.show = show;
    this.onHash = () => this.follow();
  }

  start() {
    addEventListener("hashchange", this.onHash);
    return this.follow();
  }

  stop() {
    removeEventListener("hashchange", this.onHash);
  }

  follow() {
    const { path, query } = location_();
    const page = this.pages.find((one) => path === one.path || path.startsWith(`${one.path}/`));
    if (!page) return this.replace(this.fallback.path, { follow: true });
    const params = path.slice(page.path.length).split("/").filter(Boolean).map(decodeURIComponent);
    return this.show(page, { path, params, query });
  }

  /** Go there; the browser's back button returns. */
  go(path) {
    location.hash = `#${path}`;
  }

  /** Change the address in place, by default without rendering anything anew. */
  replace(path, { follow = false } = {}) {
    history.replaceState(null, "", `#${path}`);
    return follow ? this.follow() : undefined;
  }
}
