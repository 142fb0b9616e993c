// Every page of the console, in the order of the menu; the first is shown where the address names none.
//
// A page is a module of its own, `pages/<name>.js`, whose default export is `{title, path, group?, under?, menu?, needs?, render(root, ctx)}`
// (a module of several pages exports each under a name):
//   path    the hash it answers to; what follows it comes as `ctx.params` (`#/admin/users/7` → ["7"]), `?…` as `ctx.query`
//   group   pages of the same group share one entry of the menu; those of "Account" are in one's own
//   under   the path of the page that it belongs to: it is not in the menu itself
//   menu    the name of the menu (`sys:user`) that lists it and gives its title; a page without one is always listed
//   needs   a permission (`sys:user:list`) without which the page is neither listed nor shown; superusers have all
//   render  fills `root` and may return `update(ctx)`, called in its place when params or query change while the page is open
//   ctx     {user, path, params, query, signal, may(permission), go(path), replace(path), guard(handler), report(error), clear()}; `signal` aborts
//           when the page is left
// What pages are made of: `api.js` (call, withQuery), `dom.js` (h), and of `ui/`: listing (filters, table, pager; trees), form (fields), schema
// (fields of a JSON Schema), crud (buttons and dialogs that add, change, delete), dialog, banner (report, tell), download, format.
import chat from "./chat.js";
import { accounts, credits, ledger, use } from "./credits.js";
import deck from "./deck.js";
import depts from "./depts.js";
import files from "./files.js";
import { loginLogs, operaLogs } from "./logs.js";
import { business, describe, preview } from "./generator.js";
import mcp from "./mcp.js";
import menus from "./menus.js";
import { redis, server, sessions } from "./monitor.js";
import podcast from "./podcast.js";
import profile from "./profile.js";
import prose from "./prose.js";
import rag from "./rag.js";
import roles from "./roles.js";
import runs from "./runs.js";
import sandboxes from "./sandboxes.js";
import slides from "./slides.js";
import speech from "./speech.js";
import schedulerRuns from "./scheduler-runs.js";
import { schedule, schedulers } from "./schedulers.js";
import users from "./users.js";

export const PAGES = [
  chat,
  ...[podcast, deck, prose, speech],
  ...[sandboxes, slides],
  ...[files, rag, mcp],
  runs,
  ...[schedulers, schedule, schedulerRuns],
  ...[users, roles, depts, menus, loginLogs, operaLogs, server, redis, sessions],
  ...[accounts, use],
  ...[business, describe, preview],
  profile,
  ...[credits, ledger],
];
