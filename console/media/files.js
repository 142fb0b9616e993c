// Files of the API: fetched with the session, shown and saved from the browser's own memory.
import { request } from "../api.js";
import { h } from "../dom.js";
import { download } from "../ui/download.js";
import { bytes } from "../ui/format.js";

/** The path of the API in an artifact's `url`. */
const pathOf = (url) => url.replace(/^\/api\/v1/, "");

/** The bytes behind an artifact's `url`. */
export async function fetchFile(url, signal) {
  const response = await request("GET", pathOf(url), undefined, { signal });
  return response.blob();
}

/** An address for `blob` within this page, until `signal` aborts. */
export function addressOf(blob, signal) {
  const address = URL.createObjectURL(blob);
  signal.addEventListener("abort", () => URL.revokeObjectURL(address), { once: true });
  return address;
}

/** A button that saves an artifact. */
export function downloadButton(ctx, { name, url, size }, { text = "Download", main = false } = {}) {
  const onclick = ctx.guard(async () => {
    button.disabled = true;
    try {
      await download("GET", pathOf(url), undefined, { signal: ctx.signal, name });
    } finally {
      button.disabled = false;
    }
  });
  const about = { "aria-label": `${text} ${name}`, title: `${name}, ${bytes(size)}` };
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
