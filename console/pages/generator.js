// The code generator: what code is made for, the columns, the files to look at and to take away.
import { call } from "../api.js";
import { h, randomKey } from "../dom.js";
import { tell } from "../ui/banner.js";
import { action, edit, remove } from "../ui/crud.js";
import { download } from "../ui/download.js";
import { orNull } from "../ui/fields.js";
import { form } from "../ui/form.js";
import { time } from "../ui/format.js";
import { listing } from "../ui/listing.js";
import { columnsField } from "./generator-columns.js";

const API = "/admin/gen/business";
const PATH = "/gen/business";
const GROUP = { group: "Admin", needs: "gen:business:list" };

export const business = {
  ...GROUP,
  title: "Code generator",
  path: PATH,
  menu: "gen:business",
  async render(root, ctx) {
    root.append(h("h1", {}, "Code generator"));
    const mayAdd = ctx.may("gen:business:add");
    const list = listing(root, ctx, {
      path: API,
      caption: "Descriptions of tables",
      sort: "id",
      filters: [
        { name: "table_name", label: "Table" },
        { name: "app_name", label: "App" },
      ],
      actions: [
        action(ctx, { label: "Import a table…", needs: "gen:business:add", run: () => importTable(ctx) }),
        mayAdd ? h("a", { class: "button primary", href: `#${PATH}/edit` }, "Describe a table") : null,
      ],
      columns: [
        { label: "Table", sort: "table_name", cell: (one) => h("code", {}, one.table_name) },
        { label: "App", sort: "app_name", cell: (one) => one.app_name },
        { label: "Comment", class: "wide", cell: (one) => one.comment || "–" },
        { label: "Columns", class: "number", cell: (one) => String(one.columns.length) },
        { label: "Made of", cell: (one) => (one.is_imported ? "a live table" : "a description") },
        { label: "Changed", sort: "updated_at", cell: (one) => time(one.updated_at) },
        { label: "Actions", class: "row", cell: (one) => actions(ctx, one, () => list.reload()) },
      ],
      empty: "No tables are described yet.",
    });
    await list.ready;
    return list.update;
  },
};

function actions(ctx, one, reload) {
  const about = one.table_name;
  const drop = async () => {
    const text = "The description is forgotten; the table and code that was made of it stay.";
    const path = `${API}/${one.id}`;
    if (await remove({ title: `Delete ${about}?`, text, path, said: `${about} is deleted.` })) await reload();
  };
  return [
    h("a", { href: `#${PATH}/preview/${one.id}`, "aria-label": `Preview ${about}` }, "Preview"),
    action(ctx, { label: "Download", about, needs: "gen:business:generate", run: () => take(one, ctx) }),
    ctx.may("gen:business:edit")
      ? h("a", { href: `#${PATH}/edit/${one.id}`, "aria-label": `Change ${about}` }, "Change")
      : null,
    action(ctx, { label: "Delete", about, needs: "gen:business:delete", danger: true, run: drop }),
  ];
}

const take = (one, ctx) => download("POST", `${API}/${one.id}/generate`, undefined, { signal: ctx.signal });

/** Describe a table that stands in the database; its columns are then there to change. */
async function importTable(ctx) {
  const tables = await call("GET", `${API}/tables`, undefined, { signal: ctx.signal });
  if (!tables.length) {
    tell("Every table of the database is the product's own or is described already.");
    return;
  }
  const options = tables.map(({ name, comment }) => [name, comment ? `${name}: ${comment}` : name]);
  const made = await edit({
    title: "Import a table",
    fields: [
      { name: "table_name", label: "Table", type: "select", options },
      appField(),
      {
        name: "singular",
        label: "What one row is called",
        parse: orNull,
        hint: "Left empty: the table's usual singular.",
      },
    ],
    submit: "Import",
    path: `${API}/import`,
    said: "Imported. Look its columns over.",
  });
  if (made) ctx.go(`${PATH}/edit/${made.id}`);
}

const appField = (value = "") => ({
  name: "app_name",
  label: "App",
  value,
  required: true,
  hint: "Begins the routes' path and the permissions, such as shop.",
});

export const describe = {
  ...GROUP,
  title: "Description of a table",
  path: `${PATH}/edit`,
  under: PATH,
  async render(root, ctx) {
    const id = ctx.params[0];
    const one = id
      ? await call("GET", `${API}/${encodeURIComponent(id)}`, undefined, { signal: ctx.signal })
      : { table_name: "", app_name: "", comment: "", timestamps: true, columns: [{}] };
    const key = randomKey();
    const onsubmit = async (values) => {
      const headers = id ? {} : { "Idempotency-Key": key };
      const saved = await call(id ? "PUT" : "POST", id ? `${API}/${id}` : API, values, { headers });
      tell("Saved.");
      ctx.go(`${PATH}/preview/${saved.id}`);
    };
    const made = form({ fields: descriptionFields(one), onsubmit, cancel: "Back", oncancel: () => ctx.go(PATH) });
    root.append(
      h("h1", {}, id ? `Change ${one.table_name}` : "Describe a table"),
      h("div", { class: "narrow" }, made.node),
    );
    if (!id) made.focus();
  },
};

function descriptionFields(one) {
  return [
    {
      name: "table_name",
      label: "Table",
      value: one.table_name,
      required: true,
      hint: "In the plural, such as invoices.",
    },
    { name: "singular", label: "What one row is called", value: one.singular, parse: orNull },
    appField(one.app_name),
    { name: "comment", label: "Comment", value: one.comment },
    { name: "timestamps", label: "With created_at and updated_at", type: "checkbox", value: one.timestamps },
    columnsField(one.columns),
  ];
}

export const preview = {
  ...GROUP,
  title: "Generated code",
  path: `${PATH}/preview`,
  under: PATH,
  async render(root, ctx) {
    const id = ctx.params[0];
    if (!id) return ctx.go(PATH);
    const path = `${API}/${encodeURIComponent(id)}`;
    const read = (from) => call("GET", from, undefined, { signal: ctx.signal });
    const [one, { files }] = await Promise.all([read(path), read(`${path}/preview`)]);
    const change = ctx.may("gen:business:edit")
      ? h("a", { class: "button", href: `#${PATH}/edit/${one.id}` }, "Change")
      : null;
    root.append(
      h("h1", {}, "Code for ", h("code", {}, one.table_name)),
      h(
        "div",
        { class: "row toolbar" },
        h("a", { class: "button", href: `#${PATH}` }, "Back"),
        change,
        h("span", { class: "grow" }),
        action(ctx, { label: "Download", needs: "gen:business:generate", primary: true, run: () => take(one, ctx) }),
      ),
      h("p", { class: "dim" }, "Unpack the download over a copy of the repository; the running server is left alone."),
      h("div", { class: "list" }, Object.entries(files).map(file)),
    );
  },
};

const file = ([path, text]) =>
  h(
    "details",
    { class: "fold" },
    h("summary", {}, h("code", {}, path)),
    h("pre", { class: "block", tabindex: "0" }, text),
  );
