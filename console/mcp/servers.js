// The form of an MCP server, and what it offers.
import { h } from "../dom.js";
import { orNull } from "../ui/fields.js";

const WAYS = [
  ["streamable_http", "Streamable HTTP"],
  ["sse", "SSE (older servers)"],
];
const SIGN_INS = [
  ["", "None, or by a header"],
  ["authorization_code", "OAuth, with my consent"],
  ["client_credentials", "OAuth, as a program"],
];

/** The fields of a new server, or of one that is there: its secrets come masked, and stay what they are while the mask is not changed. */
export function fieldsOf(server = null) {
  const oauth = server?.oauth ?? {};
  const named = { name: "name", label: "Name", required: true, hint: "A short one; its tools carry it." };
  return [
    server ? null : named,
    { name: "url", label: "URL", type: "url", value: server?.url, required: true },
    {
      name: "transport",
      label: "Transport",
      type: "select",
      options: WAYS,
      value: server?.transport ?? "streamable_http",
    },
    {
      name: "headers",
      label: "Headers",
      type: "textarea",
      rows: 2,
      spellcheck: "false",
      value: Object.entries(server?.headers ?? {})
        .map(([name, value]) => `${name}: ${value}`)
        .join("\n"),
      hint: "One a line, such as Authorization: Bearer …",
      parse: headersOf,
    },
    { name: "grant", label: "Sign-in", type: "select", options: SIGN_INS, value: oauth.grant ?? "" },
    {
      name: "client_id",
      label: "Client id",
      value: oauth.client_id,
      parse: orNull,
      hint: "For OAuth. Empty: this deployment registers itself.",
    },
    {
      name: "client_secret",
      label: "Client secret",
      type: "password",
      autocomplete: "off",
      value: oauth.client_secret,
      parse: orNull,
    },
    {
      name: "issuer",
      label: "Issuer",
      value: oauth.issuer,
      parse: orNull,
      hint: "The authorization server that the secret belongs to.",
    },
    { name: "scope", label: "Scope", value: oauth.scope, parse: orNull },
    {
      name: "timeout_seconds",
      label: "Seconds that a call may take",
      type: "number",
      value: server?.timeout_seconds ?? 60,
      min: 1,
      max: 240,
    },
  ].filter(Boolean);
}

/** The API's body of the form's values. */
export function bodyOf({ grant, client_id: id, client_secret: secret, issuer, scope, ...plain }) {
  return { ...plain, oauth: grant ? { grant, client_id: id, client_secret: secret, issuer, scope } : null };
}

function headersOf(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
      if (!name) throw new Error(`“${line.trim()}” is no header: write its name, a colon and its value.`);
      return [name, value];
    }),
  );
}

/** The tools of a server, each with what it takes. */
export function toolsOf({ tools, error }) {
  if (!tools.length) return h("p", { class: "empty" }, error ?? "It offers no tools.");
  return h(
    "div",
    { class: "tools" },
    tools.map(({ name, description, input_schema: schema }) =>
      h(
        "details",
        { class: "fold" },
        h("summary", {}, h("code", {}, name), " ", h("span", {}, description.split("\n")[0])),
        h("p", { class: "asked" }, description),
        h("pre", { tabindex: "0" }, JSON.stringify(schema, null, 2)),
      ),
    ),
  );
}
