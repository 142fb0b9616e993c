// Dark or light: the system's choice until the user makes another.
import { h } from "./dom.js";
import { recall, remember } from "./storage.js";

const CHOICES = ["auto", "light", "dark"];

function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const chosen = () => (CHOICES.includes(recall("theme")) ? recall("theme") : "auto");

apply(chosen());

export function themeSelect() {
  const options = CHOICES.map((name) => h("option", { value: name, selected: name === chosen() }, name[0].toUpperCase() + name.slice(1)));
  const change = (event) => {
    apply(event.target.value);
    remember("theme", event.target.value === "auto" ? null : event.target.value);
  };
  return h("select", { class: "quiet", "aria-label": "Theme", title: "Theme", onchange: change }, options);
}
