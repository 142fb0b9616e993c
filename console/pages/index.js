// Every page of the console, in the order of the menu; the first is shown where the address names none.
//
// A page is a module of its own, `pages/<name>.js`, whose default export is `{title, path, group?, needs?, render(root, ctx)}`:
//   path    the hash it answers to; what follows it comes as `ctx.params` (`#/admin/users/7` → ["7"]), `?…` as `ctx.query`
//   group   pages of the same group share one entry of the menu
//   needs   a permission (`sys:user:list`) without which the page is neither listed nor shown; superusers have all
//   render  fills `root` and may return `update(ctx)`, called in its place when params or query change while the page is open
//   ctx     {user, path, params, query, signal, go(path), replace(path), guard(handler), report(error), clear()}; `signal` aborts when the page is left
// What pages are made of: `api.js` (call, withQuery), `dom.js` (h), `ui/listing.js`, `ui/form.js`, `ui/dialog.js`, `ui/format.js`.
import chat from "./chat.js";
import deck from "./deck.js";
import podcast from "./podcast.js";
import prose from "./prose.js";
import runs from "./runs.js";
import sandboxes from "./sandboxes.js";
import slides from "./slides.js";
import speech from "./speech.js";

export const PAGES = [chat, podcast, deck, prose, speech, sandboxes, slides, runs];
