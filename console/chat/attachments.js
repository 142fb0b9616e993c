// What goes with a message: files that are uploaded first, and the documents that the answer is to rest on.
import { call, request, withQuery } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes } from "../ui/format.js";

const MOST = 20; // files of a message
const MOST_DOCUMENTS = 50;

/** Upload a file of the user's disk; the API's answer. */
export async function uploadFile(file, signal) {
  const form = new FormData();
  form.append("file", file);
  return (await request("POST", "/agent/files/upload", form, { signal })).json();
}

/** The names of a message's files, below its text. */
export const filesOf = (files) =>
  h(
    "ul",
    { class: "chips", "aria-label": "Attached" },
    files.map(({ name, size }) => h("li", { class: "chip", title: bytes(size) }, name)),
  );

export class Attachments {
  constructor(ctx) {
    this.ctx = ctx;
    this.files = [];
    this.list = h("ul", { class: "chips", "aria-label": "Files to send", hidden: true });
    this.picker = h("input", {
      type: "file",
      class: "unseen",
      multiple: true,
      onchange: ctx.guard(() => this.#upload()),
    });
    this.text = h("span", { role: "status" }, "Attach");
    this.button = h("label", { class: "choice" }, this.picker, this.text);
    this.documents = h("fieldset", { class: "documents", hidden: true });
  }

  /** What a chat's body says of it. */
  get options() {
    const chosen = [...this.documents.querySelectorAll("input:checked")].map((input) => ({ uri: input.value }));
    return {
      ...(this.files.length && { file_ids: this.files.map(({ id }) => id) }),
      ...(chosen.length && { resources: chosen }),
    };
  }

  /** Hand over the files: another message begins with none. */
  take() {
    const { files } = this;
    this.show([]);
    return files;
  }

  show(files) {
    this.files = files;
    this.list.hidden = !files.length;
    fill(
      this.list,
      files.map((file) => this.#chip(file)),
    );
  }

  async attach(id) {
    const found = await call("GET", `/agent/files/${encodeURIComponent(id)}`, undefined, { signal: this.ctx.signal });
    this.show([...this.files.filter((file) => file.id !== id), found]);
  }

  #chip(file) {
    const leave = () => {
      this.show(this.files.filter((one) => one !== file));
      this.picker.focus();
    };
    const off = h(
      "button",
      { type: "button", class: "quiet", "aria-label": `Leave out ${file.name}`, onclick: leave },
      "×",
    );
    return h("li", { class: "chip", title: bytes(file.size) }, file.name, off);
  }

  async #upload() {
    this.picker.disabled = true;
    try {
      for (const file of [...this.picker.files].slice(0, MOST - this.files.length)) {
        this.text.textContent = `Uploading ${file.name}…`;
        this.show([...this.files, await uploadFile(file, this.ctx.signal)]);
      }
    } finally {
      this.text.textContent = "Attach";
      this.picker.value = "";
      this.picker.disabled = false;
    }
  }

  /** The documents to choose from, as they are now; what was chosen stays chosen. */
  async refresh() {
    const chosen = new Set(this.options.resources?.map(({ uri }) => uri));
    const path = withQuery("/agent/rag/resources", { status: "ready", size: MOST_DOCUMENTS });
    const { items } = await call("GET", path, undefined, { signal: this.ctx.signal });
    this.documents.hidden = !items.length;
    const choice = ({ uri, title }) =>
      h("label", { class: "choice" }, h("input", { type: "checkbox", value: uri, checked: chosen.has(uri) }), title);
    fill(this.documents, h("legend", {}, "Answer from these documents alone"), items.map(choice));
  }
}
