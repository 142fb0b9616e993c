// The beginning: an earlier session goes on, or the login form is shown.
import { call, restore, session, takeReturn } from "./api.js";
import { h, fill } from "./dom.js";
import { showLogin, takeRefusal } from "./login.js";
import { showShell } from "./shell.js";
import "./theme.js";
import { clear, report } from "./ui/banner.js";

const root = document.getElementById("app");
let leave = () => {};

async function enter() {
  const [user, sidebar] = await Promise.all([
    call("GET", "/admin/sys/users/me"),
    call("GET", "/admin/sys/menus/sidebar"),
  ]);
  clear();
  const place = takeReturn();
  if (place && /^#?\/?$/.test(location.hash)) history.replaceState(null, "", `#${place}`);
  leave = showShell(root, user, sidebar);
  const refusal = takeRefusal();
  if (refusal) report({ status: 403, message: refusal });
}

function signIn() {
  leave();
  leave = () => {};
  showLogin(root, () => start(enter));
}

async function start(work) {
  try {
    await work();
  } catch (error) {
    const again = h("button", { type: "button", class: "primary", onclick: () => start(boot) }, "Try again");
    fill(
      root,
      h("main", { class: "login" }, h("h1", {}, "Agents Backend"), h("p", { role: "alert" }, error.message), again),
    );
  }
}

async function boot() {
  if (await restore()) await enter();
  else signIn();
}

session.addEventListener("ended", signIn);
start(boot);
