// Files from the user's disk.
import { h } from "../dom.js";

/** A button that sends each chosen file: `send(form, file)` with the file in `form`. `ondone(count)` follows, also where a later one fails. */
export function uploadButton(ctx, { label, accept = null, send, ondone }) {
  const text = h("span", { role: "status" }, label);
  const picker = h("input", { type: "file", class: "unseen", multiple: true, accept, onchange: ctx.guard(upload) });

  async function upload() {
    let count = 0;
    picker.disabled = true;
    try {
      for (const file of picker.files) {
        text.textContent = `Uploading ${file.name}…`;
        const form = new FormData();
        form.append("file", file);
        await send(form, file);
        count += 1;
      }
    } finally {
      text.textContent = label;
      picker.value = "";
      picker.disabled = false;
      if (count) await ondone(count);
    }
  }

  return h("label", { class: "button primary" }, picker, text);
}
