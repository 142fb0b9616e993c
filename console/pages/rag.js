// Documents that agents retrieve from: what is there, how far it is, and what would be found.
import { call, request } from "../api.js";
import { external, fill, h, randomKey } from "../dom.js";
import { tell } from "../ui/banner.js";
import { edit, remove } from "../ui/crud.js";
import { orNull } from "../ui/fields.js";
import { form } from "../ui/form.js";
import { badge, bytes, count, time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { uploadButton } from "../ui/upload.js";

const PATH = "/agent/rag/resources";
const STATES = { pending: "busy", ready: "good", failed: "bad" };
const SOON = { Prefer: "respond-async" }; // the list shows how far it is
const TITLE = { name: "title", label: "Title" };

export default {
  title: "Documents",
  path: "/documents",
  group: "Knowledge",
  async render(root, ctx) {
    root.append(
      h("h1", {}, "Documents"),
      h("p", { class: "dim" }, "Agents find passages of these, and cite them. The chat can be held to some of them."),
    );
    const reload = () => list.reload();
    const list = listing(root, ctx, {
      path: PATH,
      caption: "Documents",
      filters: [
        { name: "query", label: "Search" },
        { name: "status", label: "State", options: [["", "Any"], ...Object.keys(STATES).map((one) => [one, one])] },
      ],
      actions: adding(ctx, reload),
      unsettled: (found) => found.status === "pending",
      columns: [
        { label: "Title", class: "wide", cell: titleOf },
        { label: "State", cell: stateOf },
        { label: "Passages", class: "number", cell: (found) => count(found.passages) },
        { label: "Size", class: "number", cell: (found) => bytes(found.size) },
        { label: "Added", cell: (found) => time(found.created_at) },
        { label: "Actions", class: "row", cell: (found) => actions(ctx, found, reload) },
      ],
      empty: "No documents. Upload PDF, Office, HTML, Markdown or text files, or add a URL or a text.",
    });
    root.append(searching(ctx));
    await list.ready;
    return list.update;
  },
};

function titleOf({ title, url, file_name: file, pages }) {
  const about = [url ? external(url, url) : file, pages > 1 ? ` · ${pages} pages` : ""];
  return [h("div", {}, title), h("small", { class: "dim file" }, about)];
}

function stateOf({ status, error, error_code: code }) {
  return [badge(status, STATES[status]), error ? h("small", { class: "bad-text reason" }, `${error} (${code})`) : null];
}

function adding(ctx, reload) {
  const button = (text, run) => h("button", { type: "button", onclick: ctx.guard(run) }, text);
  const add = (title, fields) => async () => {
    if (await edit({ title, fields, submit: "Add it", path: PATH, headers: SOON })) await reload();
  };
  const url = [
    { name: "url", label: "URL", type: "url", required: true, hint: "It is fetched from public addresses alone." },
    { ...TITLE, parse: orNull, hint: "Empty: the page's own." },
  ];
  const text = [
    { ...TITLE, required: true },
    { name: "text", label: "Text (Markdown)", type: "textarea", rows: 10, required: true },
  ];
  return [
    uploadButton(ctx, {
      label: "Upload…",
      accept: ".pdf,.docx,.pptx,.xlsx,.html,.htm,.md,.txt",
      send: (sent) =>
        request("POST", PATH, sent, { headers: { ...SOON, "Idempotency-Key": randomKey() }, signal: ctx.signal }),
      ondone: reload,
    }),
    button("Add a URL…", add("Add a URL", url)),
    button("Add a text…", add("Add a text", text)),
  ];
}

function actions(ctx, { id, title, url }, reload) {
  const path = `${PATH}/${encodeURIComponent(id)}`;
  const button = (text, run) =>
    h("button", { type: "button", class: "quiet", "aria-label": `${text} ${title}`, onclick: ctx.guard(run) }, text);
  const refresh = button("Fetch again", async () => {
    await call("POST", `${path}/refresh`, undefined, { headers: SOON, signal: ctx.signal });
    tell("It is fetched again.");
    await reload();
  });
  const gone = button("Delete", async () => {
    const text = `“${title}” and all that was made of it will be gone. Answers that cite it stay.`;
    if (await remove({ title: "Delete this document?", text, path })) await reload();
  });
  return [url ? refresh : null, gone];
}

/** What an agent would find. */
function searching(ctx) {
  const found = h("div", { class: "found", role: "status" });
  const made = form({
    fields: [{ name: "query", label: "What would an agent find?", required: true }],
    submit: "Find",
    onsubmit: async ({ query }) => {
      const { items, method, notice } = await call("POST", "/agent/rag/search", { query }, { signal: ctx.signal });
      const none = items.length ? null : h("p", { class: "empty" }, "Nothing is found.");
      const by = h("p", { class: "dim" }, `${items.length} passages, by ${method} search`);
      fill(found, notice ? h("p", { class: "notice" }, notice) : null, none ?? by, h("ol", {}, items.map(passage)));
    },
  });
  return h("section", { "aria-label": "Try the search" }, h("h2", {}, "Try the search"), made.node, found);
}

function passage({ title, heading, page, text, score }) {
  const where = [title, heading, page ? `page ${page}` : "", score.toFixed(3)].filter(Boolean).join(" · ");
  return h("li", {}, h("small", { class: "dim" }, where), h("p", { class: "asked" }, text));
}
