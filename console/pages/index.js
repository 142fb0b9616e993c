// Every page of the console, in the order of the menu; the first is shown where the address names none.
//
// A page is a module of its own, `pages/<name>.js`, whose default export is `{title, path, group?, under?, needs?, render(root, ctx)}`
// (a module of several pages exports each under a name):
//   path    the hash it answers to; what follows it comes as `ctx.params` (`#/admin/users/7` → ["7"]), `?…` as `ctx.query`
//   group   pages of the same group share one entry of the menu; those of "Account" are in one's own
//   under   the path of the page that it belongs to: it is not in the menu itself
//   needs   a permission (`sys:user:list`) without which the page is neither listed nor shown; superusers have all
//   render  fills `root` and may return `update(ctx)`, called in its place when params or query change while the page is open
//   ctx     {user, path, params, query, signal, may(permission), go(path), replace(path), guard(handler), report(error), clear()}; `signal` aborts
//           when the page is left
// What pages are made of: `api.js` (call, withQuery), `dom.js` (h), and of `ui/`: listing (filters, table, pager; trees), form (fields), schema
// (fields of a JSON Schema), crud (buttons and dialogs that add, change, delete), dialog, banner (report, tell), download, format.
import chat from "./chat.js";
import depts from "./depts.js";
import menus from "./menus.js";
import roles from "./roles.js";
import runs from "./runs.js";
import users from "./users.js";

export const PAGES = [chat, runs, users, roles, depts, menus];
