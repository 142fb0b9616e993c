// The beginning: an earlier session goes on, or the login form is shown.
import { call, restore, session } from "./api.js";
import { h, fill } from "./dom.js";
import { showLogin } from "./login.js";
import { showShell } from "./shell.js";
import "./theme.js";
import { clear } from "./ui/banner.js";

const root = document.getElementById("app");
let leave = () => {};

async function enter() {
  const [user, sidebar] = await Promise.all([
    call("GET", "/admin/sys/users/me"),
    call("GET", "/admin/sys/menus/sidebar"),
  ]);
  clear();
  leave = showShell(root, user, sidebar);
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
