// Files of the API: fetched with the session, shown and saved from the browser's own memory.
import { request } from "../api.js";
import { h } from "../dom.js";
import { size } from "../ui/format.js";

/** The bytes behind an artifact's `url` or a path of the API. */
export async function fetchFile(url, signal) {
  const response = await request("GET", url.replace(/^\/api\/v1/, ""), undefined, { signal });
  return response.blob();
}

/** An address for `blob` within this page, until `signal` aborts. */
export function addressOf(blob, signal) {
  const address = URL.createObjectURL(blob);
  signal.addEventListener("abort", () => URL.revokeObjectURL(address), { once: true });
  return address;
}

/** Hand a file to the user. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser reads it after the click
}

/** A button that saves an artifact. */
export function downloadButton(ctx, { name, url, size: bytes }, { text = "Download", main = false } = {}) {
  const onclick = ctx.guard(async () => {
    button.disabled = true;
    try {
      save(await fetchFile(url, ctx.signal), name);
    } finally {
      button.disabled = false;
    }
  });
  const about = { "aria-label": `${text} ${name}`, title: `${name}, ${size(bytes)}` };
  const button = h("button", { type: "button", class: main ? "primary" : "", ...about, onclick }, text);
  return button;
}

/** A button that puts a text file's content into `input()`. */
export function readButton(input) {
  const picker = h("input", {
    type: "file",
    class: "unseen",
    accept: ".md,.markdown,.txt,text/*",
    onchange: async () => {
      const [file] = picker.files;
      if (file) input().value = await file.text();
      picker.value = "";
    },
  });
  return h("label", { class: "button small" }, picker, "From a text file…");
}
