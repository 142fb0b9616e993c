// Signing in; a captcha when the API asks for one.
import { call, login } from "./api.js";
import { fill, h } from "./dom.js";
import { form } from "./ui/form.js";

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
    ondone();
  }

  document.title = "Log in · Agents Backend";
  fill(
    root,
    h(
      "main",
      { class: "login" },
      h("h1", {}, h("img", { src: "/console/icon.svg", alt: "", class: "logo" }), "Agents Backend"),
      made.node,
    ),
  );
  made.focus();
}
