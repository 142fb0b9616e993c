// Signing in; a captcha when the API asks for one.
import { call, leaveToSignIn, login, signInAddress } from "./api.js";
import { fill, h } from "./dom.js";
import { form } from "./ui/form.js";

const REFUSALS = {
  OAUTH2_STATE_INVALID: "That sign-in was not begun in this browser, or took too long. Try again.",
  OAUTH2_DENIED: "You did not allow the sign-in.",
  OAUTH2_SIGN_UP_CLOSED: "No user is linked to that account. Log in with your password and link it.",
  OAUTH2_LINK_TAKEN: "That account is linked to another user.",
  OAUTH2_ALREADY_LINKED: "You have linked another account of that provider.",
  ACCOUNT_DISABLED: "Your user is disabled.",
};

/** Why a sign-in at a provider came to nothing, where the address says so. It is shown until somebody is signed in. */
let refused = new URLSearchParams(location.hash.split("?", 2)[1] ?? "").get("refused");
if (refused !== null) history.replaceState(null, "", "#/");

/** What to say of it, or null. */
const refusal = () => (refused === null ? null : (REFUSALS[refused] ?? "The sign-in did not work. Try again."));

/** The same, told to somebody who is signed in: once. */
export function takeRefusal() {
  const told = refusal();
  refused = null;
  return told;
}

/** A button for each provider that one can sign in with here, once the server has told them. */
function otherWays() {
  const place = h("div", { class: "ways" });
  call("GET", "/admin/oauth2/providers").then(
    ({ providers }) =>
      fill(
        place,
        providers.map(({ name, title }) =>
          h(
            "a",
            { class: "button", href: signInAddress(name), onclick: () => leaveToSignIn() },
            `Sign in with ${title}`,
          ),
        ),
      ),
    () => {}, // the password still works
  );
  return place;
}

/** Fill `root` with the form; `ondone` follows a login that worked. */
export function showLogin(root, ondone) {
  let captcha = null;
  const picture = h("img", { class: "captcha", alt: "Captcha: four letters or digits" });
  const another = h(
    "button",
    { type: "button", class: "quiet", onclick: () => renew().catch(() => {}) },
    "Another picture",
  );
  const fields = [
    { name: "username", label: "User name", autocomplete: "username", required: true },
    { name: "password", label: "Password", type: "password", autocomplete: "current-password", required: true },
    {
      name: "captcha_code",
      label: "What does the picture say?",
      autocomplete: "off",
      visible: false,
      above: h("div", { class: "row" }, picture, another),
    },
  ];
  const made = form({ fields, submit: "Log in", onsubmit });

  async function renew() {
    captcha = await call("GET", "/admin/auth/captcha");
    picture.src = captcha.image;
    const field = made.field("captcha_code");
    field.input.value = "";
    field.row.hidden = false;
  }

  async function onsubmit(values) {
    try {
      await login({ ...values, ...(captcha && { captcha_id: captcha.captcha_id }) });
    } catch (error) {
      if (captcha || error.code?.startsWith("CAPTCHA_")) await renew(); // it works once, right or wrong
      throw error;
    }
    refused = null;
    ondone();
  }

  document.title = "Log in · Agents Backend";
  fill(
    root,
    h(
      "main",
      { class: "login" },
      h("h1", {}, h("img", { src: "/console/icon.svg", alt: "", class: "logo" }), "Agents Backend"),
      refused === null ? null : h("p", { class: "bad-text", role: "alert" }, refusal()),
      made.node,
      otherWays(),
    ),
  );
  made.focus();
}
