// A text of a sandbox, to read and to change.
import { call } from "../api.js";
import { fill, h, uid } from "../dom.js";
import { confirm } from "../ui/dialog.js";
import { bytes } from "../ui/format.js";
import { pathOf } from "./api.js";

export class Editor {
  constructor(ctx, id, { onback, ondownload }) {
    Object.assign(this, { ctx, id, kept: "" });
    this.title = h("h2", { tabindex: "-1", id: uid("file") });
    this.status = h("span", { class: "dim", role: "status" });
    this.text = h("textarea", {
      class: "mono editor",
      "aria-labelledby": this.title.id,
      spellcheck: "false",
      onkeydown: (event) => this.#key(event),
    });
    const button = (text, work, kind = "") =>
      h("button", { type: "button", class: kind, onclick: ctx.guard(work) }, text);
    this.saveButton = button("Save", () => this.#save(), "primary");
    const back = button("Back", async () => {
      if (await this.#mayLeave()) onback();
    });
    const down = button("Download", () => ondownload(this.path));
    const head = h(
      "div",
      { class: "row" },
      this.title,
      h("span", { class: "grow" }),
      this.status,
      back,
      down,
      this.saveButton,
    );
    this.node = h("div", { class: "edit", hidden: true }, head, this.text);
  }

  async open(path) {
    this.path = path;
    fill(this.title, path);
    this.status.textContent = "Loading…";
    this.text.disabled = this.saveButton.disabled = true;
    this.#show("");
    const found = await this.#read(path);
    if (found.encoding === "base64") {
      this.status.textContent = `This is no text (${bytes(found.size)}); it can be downloaded.`;
      return;
    }
    this.#show(found.content);
    this.status.textContent = found.isNew ? "A new file" : bytes(found.size);
    this.text.disabled = this.saveButton.disabled = false;
    this.text.focus({ preventScroll: true });
  }

  /** A file that is not there yet is an empty one. */
  async #read(path) {
    const body = { sandbox_id: this.id, path };
    try {
      return await call("POST", pathOf("read-file"), body, { signal: this.ctx.signal });
    } catch (error) {
      if (error.code !== "PATH_NOT_FOUND") {
        this.status.textContent = "";
        throw error;
      }
      return { content: "", encoding: "utf-8", size: 0, isNew: true };
    }
  }

  #show(content) {
    this.text.value = content;
    this.kept = this.text.value; // as the browser has it: it knows one kind of line end
    this.crlf = content.includes("\r\n");
  }

  async #save() {
    const written = this.text.value;
    const content = this.crlf ? written.replaceAll("\n", "\r\n") : written;
    const body = { sandbox_id: this.id, path: this.path, content };
    this.status.textContent = "Saving…";
    try {
      await call("POST", pathOf("write-file"), body, { signal: this.ctx.signal });
    } catch (error) {
      this.status.textContent = "Not saved";
      throw error;
    }
    this.kept = written;
    this.status.textContent = "Saved";
  }

  #key(event) {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!this.saveButton.disabled) this.saveButton.click();
  }

  async #mayLeave() {
    if (this.text.value === this.kept) return true;
    const text = "What you have changed is not saved.";
    return confirm({ title: "Leave the file?", text, action: "Leave it", danger: true });
  }
}
