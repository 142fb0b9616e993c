// The files of a sandbox: folders, an editor for texts, upload and download. Where one is stands in the address.
import { call, request, withQuery } from "../api.js";
import { fill, h } from "../dom.js";
import { announce } from "../ui/banner.js";
import { formDialog } from "../ui/dialog.js";
import { download } from "../ui/download.js";
import { bytes } from "../ui/format.js";
import { pager } from "../ui/listing.js";
import { table } from "../ui/table.js";
import { HOME, pathOf } from "./api.js";
import { Editor } from "./editor.js";

const PAGE = 200;

export class Files {
  constructor(ctx, id) {
    Object.assign(this, { ctx, id, page: 1 });
    this.crumbs = h("nav", { class: "crumbs", "aria-label": "Folder" });
    this.status = h("span", { class: "dim", role: "status" });
    this.body = h("div", { class: "table" });
    this.turn = pager((by) => ctx.guard(() => this.#list(this.page + by))());
    this.picker = h("input", {
      type: "file",
      class: "unseen",
      multiple: true,
      onchange: ctx.guard(() => this.#upload()),
    });
    const button = (text, work) => h("button", { type: "button", onclick: ctx.guard(work) }, text);
    const toolbar = h(
      "div",
      { class: "row toolbar" },
      this.crumbs,
      h("span", { class: "grow" }),
      this.status,
      button("New folder…", () => this.#makeFolder()),
      button("New file…", () => this.#makeFile()),
      h("label", { class: "button" }, this.picker, "Upload…"),
      button("Refresh", () => this.#list(this.page)),
    );
    this.folder = h("div", {}, toolbar, this.body, this.turn.node);
    this.editor = new Editor(ctx, id, {
      onback: () => ctx.go(this.#place(this.path)),
      ondownload: (path) => this.#download(path),
    });
    this.node = h("section", { "aria-label": "Files" }, this.folder, this.editor.node);
  }

  /** The folder, or the file, that the address names. */
  async show(query) {
    this.path = query.get("path") || HOME;
    const file = query.get("file");
    this.folder.hidden = file !== null;
    this.editor.node.hidden = file === null;
    if (file !== null) await this.editor.open(file);
    else await this.#list(1);
  }

  #place(path, file = null) {
    return withQuery(`/sandboxes/${encodeURIComponent(this.id)}/files`, { path, file });
  }

  async #list(page) {
    this.page = page;
    const path = withQuery(pathOf(this.id, "/files"), { path: this.path, page, size: PAGE });
    this.#showCrumbs();
    this.body.setAttribute("aria-busy", "true");
    try {
      const found = await call("GET", path, undefined, { signal: this.ctx.signal });
      const columns = [
        { label: "Name", cell: (one) => this.#name(one) },
        { label: "Size", class: "number", cell: (one) => (one.is_folder ? "" : bytes(one.size)) },
        { label: "Actions", class: "row", cell: (one) => (one.is_folder ? "" : this.#downloadButton(one)) },
      ];
      fill(this.body, table({ caption: "Files", columns, items: found.items, empty: "This folder is empty." }));
      this.turn.show(found);
      announce(`${this.path}: ${found.total} in all`);
    } finally {
      this.body.removeAttribute("aria-busy");
    }
  }

  #showCrumbs() {
    const names = this.path.split("/").filter(Boolean);
    const steps = ["/", ...names].map((name, at) => {
      const path = `/${names.slice(0, at).join("/")}`;
      const current = at === names.length ? { "aria-current": "page" } : {};
      return [h("a", { href: `#${this.#place(path)}`, ...current }, name), at && at < names.length ? "/" : ""];
    });
    fill(this.crumbs, steps);
  }

  #name({ name, path, is_folder: isFolder }) {
    const place = isFolder ? this.#place(path) : this.#place(this.path, path);
    return h("a", { href: `#${place}`, class: "file" }, isFolder ? `${name}/` : name);
  }

  #downloadButton({ name, path }) {
    const onclick = this.ctx.guard(() => this.#download(path));
    return h("button", { type: "button", "aria-label": `Download ${name}`, onclick }, "Download");
  }

  #download(path) {
    const from = withQuery(pathOf(this.id, "/download"), { path });
    return download("GET", from, undefined, { signal: this.ctx.signal });
  }

  /** `name` within the folder that is shown; an absolute path stays. */
  #within(name) {
    return name.startsWith("/") ? name : `${this.path.replace(/\/$/, "")}/${name}`;
  }

  async #makeFolder() {
    const given = await formDialog({
      title: "New folder",
      fields: [{ name: "path", label: "Name", required: true }],
      submit: "Make it",
      onsubmit: ({ path }) =>
        call("POST", pathOf(this.id, "/mkdir"), { path: this.#within(path) }, { signal: this.ctx.signal }),
    });
    if (given) await this.#list(1);
  }

  async #makeFile() {
    const given = await formDialog({
      title: "New file",
      text: "A file of that name is opened as it is.",
      fields: [{ name: "path", label: "Name", required: true }],
      submit: "Write it",
    });
    if (given) this.ctx.go(this.#place(this.path, this.#within(given.path)));
  }

  async #upload() {
    const files = [...this.picker.files];
    try {
      for (const file of files) {
        this.status.textContent = `Uploading ${file.name}…`;
        const form = new FormData();
        form.append("sandbox_id", this.id);
        form.append("path", this.#within(file.name));
        form.append("file", file);
        await request("POST", pathOf("upload-file"), form, { signal: this.ctx.signal });
      }
      this.status.textContent = "";
      await this.#list(1);
    } finally {
      this.status.textContent = "";
      this.picker.value = "";
    }
  }
}
