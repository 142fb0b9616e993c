// Files that one has brought, to attach to chats.
import { request } from "../api.js";
import { h } from "../dom.js";
import { tell } from "../ui/banner.js";
import { remove } from "../ui/crud.js";
import { download } from "../ui/download.js";
import { bytes, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { uploadButton } from "../ui/upload.js";

const PATH = "/agent/files";
const pathOf = (id, rest = "") => `${PATH}/${encodeURIComponent(id)}${rest}`;

export default {
  title: "Files",
  path: "/files",
  group: "Knowledge",
  async render(root, ctx) {
    root.append(
      h("h1", {}, "Files"),
      h("p", { class: "dim" }, "Attach them to a message by the chat's “Attach” button."),
    );
    const upload = uploadButton(ctx, {
      label: "Upload…",
      send: (form) => request("POST", `${PATH}/upload`, form, { signal: ctx.signal }),
      ondone: async (count) => {
        tell(count === 1 ? "The file is uploaded." : `${count} files are uploaded.`);
        await list.reload();
      },
    });
    const list = listing(root, ctx, {
      path: PATH,
      caption: "Files",
      actions: [upload],
      columns: [
        { label: "Name", class: "wide", cell: (file) => h("span", { class: "file" }, file.name) },
        { label: "Type", cell: (file) => file.media_type },
        { label: "Size", class: "number", cell: (file) => bytes(file.size) },
        { label: "Added", cell: (file) => time(file.created_at) },
        { label: "Kept until", cell: (file) => time(file.expires_at) },
        { label: "Actions", class: "row", cell: (file) => actions(ctx, file, () => list.reload()) },
      ],
      empty: "No files. Upload one here, or attach one in a chat.",
    });
    await list.ready;
    return list.update;
  },
};

function actions(ctx, { id, name }, reload) {
  const button = (text, run) =>
    h("button", { type: "button", class: "quiet", "aria-label": `${text} ${name}`, onclick: ctx.guard(run) }, text);
  const get = button("Download", () =>
    download("GET", pathOf(id, "/content"), undefined, { signal: ctx.signal, name }),
  );
  const gone = button("Delete", async () => {
    const text = `“${name}” will be gone. Messages that it was attached to keep its name alone.`;
    if (await remove({ title: "Delete this file?", text, path: pathOf(id) })) await reload();
  });
  const use = h(
    "a",
    { href: `#/chat?file=${encodeURIComponent(id)}`, "aria-label": `Use ${name} in a chat` },
    "Use in a chat",
  );
  return [use, get, gone];
}
