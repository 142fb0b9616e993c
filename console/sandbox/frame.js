// A slide's page at its own size, 1280×720, made as large as its place.
import { h } from "../dom.js";

const WIDTH = 1280;

/** `content` is somebody's HTML: it is handed to a frame that has no origin and runs none of its scripts. */
export function slideFrame({ title, content }, { inert = false } = {}) {
  const frame = h("iframe", {
    src: "/console/slide-frame.html",
    sandbox: "allow-scripts",
    title,
    tabindex: inert ? "-1" : null,
    "aria-hidden": inert ? "true" : null,
    scrolling: "no",
  });
  frame.addEventListener("load", () => frame.contentWindow.postMessage(content, "*"), { once: true });
  const node = h("div", { class: "framed" }, frame);
  new ResizeObserver(([{ contentRect }]) => {
    frame.style.transform = `scale(${contentRect.width / WIDTH})`;
  }).observe(node);
  return node;
}
