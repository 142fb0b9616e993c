// Dark or light: the system's choice until the user makes another.
import { h } from "./dom.js";
import { recall, remember } from "./storage.js";

const NAMES = { auto: "As the system", light: "Light", dark: "Dark" };

function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const chosen = () => (Object.hasOwn(NAMES, recall("theme") ?? "") ? recall("theme") : "auto");

apply(chosen());

export function themeSelect() {
  const options = Object.keys(NAMES).map((name) =>
    h("option", { value: name, selected: name === chosen() }, NAMES[name]),
  );
  const change = (event) => {
    apply(event.target.value);
    remember("theme", event.target.value === "auto" ? null : event.target.value);
  };
  return h("label", { class: "inline" }, "Theme", h("select", { onchange: change }, options));
}
