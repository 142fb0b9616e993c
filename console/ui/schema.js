// A form's fields from a JSON Schema of an object, as pydantic writes it: what a task or a tool takes.
import { parseJson } from "./fields.js";

const LONG = 2048; // as long as an address; a longer text has room for lines

/**
 * The fields of `schema` with `values` in them. What is left empty and need not be given is left out, so that its default holds.
 * Texts, numbers, booleans and choices have controls of their own; anything else is written as JSON.
 */
export function fieldsOf(schema, values = {}) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const property = plain(given, schema);
    const value = values[name] ?? property.default ?? given.default;
    const label = given.title ?? property.title ?? name;
    const hint = given.description ?? property.description;
    const must = required.has(name);
    const made = control(property, { value, must });
    const mayBeEmpty = !must && made.type !== "checkbox" && made.type !== "select";
    return { name, label: mayBeEmpty ? `${label} (optional)` : label, hint, ...made };
  });
}

/** The property itself: references followed, and of "this or null" the this. */
function plain(given, root) {
  const property = resolved(given, root);
  const ways = (property.anyOf ?? property.oneOf ?? []).map((way) => resolved(way, root));
  const others = ways.filter((way) => way.type !== "null");
  return others.length === 1 ? { ...property, ...others[0] } : property;
}

function resolved(property, root) {
  if (property.allOf?.length === 1) return { ...resolved(property.allOf[0], root), ...property, allOf: undefined };
  if (!property.$ref) return property;
  const found = property.$ref
    .replace(/^#\//, "")
    .split("/")
    .reduce((at, key) => at?.[key], root);
  return { ...found, ...property };
}

function control(property, { value, must }) {
  const choices = property.enum ?? (property.const === undefined ? null : [property.const]);
  if (choices) return choice(choices, { value, must });
  if (property.type === "boolean") return { type: "checkbox", value };
  const shared = { value, required: must };
  if (property.type === "string") return { ...shared, ...text(property, must) };
  if (property.type === "integer" || property.type === "number") return { ...shared, ...number(property) };
  if (areTexts(property)) return { ...shared, ...lines(value, must) };
  return { ...shared, type: "json", rows: 4, ...json(property, must) };
}

const areTexts = ({ type, items, prefixItems }) =>
  type === "array" && (prefixItems ?? [items]).every((item) => item?.type === "string");

/** A list of texts: one a line. */
const lines = (value, must) => ({
  type: "textarea",
  value: (value ?? []).join("\n"),
  placeholder: "One a line",
  parse: (given) => {
    const found = given.split("\n").filter((line) => line.trim());
    return found.length || must ? found : undefined;
  },
});

/** JSON; where the schema takes a text as well, what is no JSON is one. */
function json({ anyOf = [] }, must) {
  const orText = anyOf.some((way) => way.type === "string");
  const parse = (given) => {
    if (!given.trim() && !must) return undefined;
    try {
      return parseJson(given);
    } catch (error) {
      if (orText) return given;
      throw error;
    }
  };
  return { parse };
}

function choice(choices, { value, must }) {
  const options = choices.map((one) => [String(one), String(one)]);
  const parse = (given) => choices.find((one) => String(one) === given);
  return { type: "select", options: must ? options : [["", "–"], ...options], value: String(value ?? ""), parse };
}

const number = ({ type, minimum, maximum }) => ({
  type: "number",
  min: minimum,
  max: maximum,
  step: type === "integer" ? 1 : "any",
  parse: (given) => (given === "" ? undefined : Number(given)),
});

function text({ maxLength, format }, must) {
  if (format === "date-time") return { type: "datetime" };
  const type = maxLength > LONG ? "textarea" : "text";
  return { type, rows: 4, maxlength: maxLength, parse: (given) => (given === "" && !must ? undefined : given) };
}
