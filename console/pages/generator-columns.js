// The columns of a table that code is made for: each with what goes with its type.
import { orNull } from "../ui/fields.js";
import { groupList } from "../ui/groups.js";

const TYPES = "string text integer bigint float numeric boolean date datetime uuid json".split(" ");
const SEARCHED = ["string", "text", "boolean"];
const NEW_COLUMN = { name: "", type: "string", length: 255, comment: "" };

/** The part of a form that holds them. */
export const columnsField = (values) =>
  groupList({
    name: "columns",
    label: "Columns, beside id",
    values,
    fieldsOf: columnFields,
    titleOf: columnTitle,
    arrange: arrangeColumn,
    add: "Add a column",
  });

function columnFields(given) {
  const column = Object.keys(given).length ? given : NEW_COLUMN;
  const flag = (name, label) => ({ name, label, type: "checkbox", value: column[name] });
  const size = (name, label, min) => ({ name, label, type: "number", min, step: 1, value: column[name] });
  return [
    { name: "name", label: "Name", value: column.name, required: true, spellcheck: "false" },
    { name: "type", label: "Type", type: "select", options: TYPES.map((type) => [type, type]), value: column.type },
    size("length", "Length", 1),
    size("precision", "Precision: digits in all", 1),
    size("scale", "Scale: digits after the point", 0),
    flag("nullable", "May be null"),
    flag("unique", "Unique"),
    flag("index", "Indexed"),
    flag("searchable", "A filter of the list"),
    {
      name: "default",
      label: "Default",
      type: "json",
      rows: 1,
      value: column.default,
      hint: 'As JSON, such as 0, true or "open".',
    },
    { name: "comment", label: "Comment", value: column.comment },
    {
      name: "key_name",
      label: "Name of its key",
      value: column.key_name,
      parse: orNull,
      hint: "Where the table was made elsewhere.",
    },
  ];
}

const columnTitle = ({ name, type, length, precision, scale, nullable }) => {
  const size =
    type === "string" ? `(${length ?? "?"})` : type === "numeric" ? `(${precision ?? "?"}, ${scale ?? "?"})` : "";
  return `${name || "New column"}: ${type}${size}${nullable ? ", may be null" : ""}`;
};

/** Only what goes with the type is asked for, and sent. */
function arrangeColumn(field, { type, unique, index }) {
  const show = (name, shown) => {
    field(name).row.hidden = !shown;
  };
  show("length", type === "string");
  show("precision", type === "numeric");
  show("scale", type === "numeric");
  show("unique", !["boolean", "json"].includes(type));
  show("index", type !== "json");
  show("searchable", SEARCHED.includes(type));
  show("default", !["date", "datetime", "uuid", "json"].includes(type) && !unique);
  show("key_name", Boolean(unique || index));
}
