// Markdown as DOM nodes, made of text nodes alone. Every pattern is linear: an answer may be long, and need not be kind.
import { external, h } from "../dom.js";

const INLINE =
  /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s\n][^*\n]*)\*(?!\w)|!?\[([^[\]\n]+)\]\((https?:\/\/[^\s()]+)\)|(https?:\/\/[^\s<>()[\]"'`]+[^\s<>()[\]"'`.,;:!?])/g;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** A text that grows, shown in `target`: only the blocks that have changed are made anew. */
export class Markdown {
  constructor(target) {
    this.target = target;
    this.shown = [];
  }

  show(source) {
    const found = blocks(source);
    let same = 0;
    while (same < found.length && this.shown[same] === found[same].key) same += 1;
    while (this.target.childNodes.length > same) this.target.lastChild.remove();
    this.target.append(...found.slice(same).map(make));
    this.shown = found.map((block) => block.key);
  }
}

/** The source in blocks `{kind, lines, key}`. A block's key is its whole text, so an equal key means an equal node. */
function blocks(source) {
  const out = [];
  let open = null;
  const begin = (kind, line) => {
    open = { kind, lines: [line] };
    out.push(open);
  };
  for (const line of source.split("\n")) {
    if (open?.kind === "code") {
      if (/^\s*```\s*$/.test(line)) open = null;
      else open.lines.push(line);
      continue;
    }
    const kind = kindOf(line, open);
    if (kind === "blank") open = null;
    else if (kind === open?.kind && kind !== "heading") open.lines.push(line);
    else begin(kind, line);
  }
  for (const block of out) block.key = `${block.kind}\n${block.lines.join("\n")}`;
  return out;
}

function kindOf(line, open) {
  if (/^\s*```/.test(line)) return "code";
  if (!line.trim()) return "blank";
  if (/^#{1,6}\s/.test(line)) return "heading";
  if (/^\s*(?:[-*_]\s*){3,}$/.test(line)) return "rule";
  if (ITEM.test(line) || (open?.kind === "list" && /^\s{2,}\S/.test(line))) return "list";
  if (/^\s*>/.test(line)) return "quote";
  return ROW.test(line) ? "table" : "paragraph";
}

function make({ kind, lines }) {
  if (kind === "code") return code(lines);
  if (kind === "heading")
    return h(`h${Math.min(lines[0].match(/^#+/)[0].length + 2, 6)}`, {}, inline(lines[0].replace(/^#+\s+/, "")));
  if (kind === "rule") return h("hr");
  if (kind === "list") return list(lines);
  if (kind === "quote") return h("blockquote", {}, broken(lines.map((line) => line.replace(/^\s*>\s?/, ""))));
  if (kind === "table" && lines.length > 1 && RULE.test(lines[1])) return table(lines);
  return h("p", {}, broken(lines));
}

function code([fence, ...lines]) {
  const text = lines.join("\n");
  const copy = h(
    "button",
    { type: "button", class: "quiet copy", onclick: () => navigator.clipboard?.writeText(text) },
    "Copy",
  );
  const language = fence.replace(/^\s*`+/, "").trim();
  const head = h(
    "div",
    { class: "row code-head" },
    h("span", { class: "dim" }, language),
    h("span", { class: "grow" }),
    navigator.clipboard ? copy : null,
  );
  return h("div", { class: "code" }, head, h("pre", { tabindex: "0" }, h("code", {}, text)));
}

/** Nested by indentation; a line that is no item goes on with the item before it. */
function list(lines) {
  const root = { indent: -1, node: null, item: h("div") };
  const stack = [root];
  for (const line of lines) {
    const [, space, number, text] = ITEM.exec(line) ?? [];
    if (text === undefined) {
      stack.at(-1).item.append(" ", ...inline(line.trim()));
      continue;
    }
    while (stack.at(-1).indent > space.length) stack.pop();
    const tag = number ? "ol" : "ul";
    if (stack.at(-1).indent === space.length && stack.at(-1).node.localName !== tag) stack.pop(); // another kind of list begins
    if (stack.at(-1).indent < space.length) {
      const node = h(tag, { start: number && number !== "1" ? number : null });
      stack.at(-1).item.append(node);
      stack.push({ indent: space.length, node, item: null });
    }
    stack.at(-1).item = h("li", {}, inline(text));
    stack.at(-1).node.append(stack.at(-1).item);
  }
  return root.item.childNodes.length === 1 ? root.item.firstChild : root.item;
}

function table([head, , ...rows]) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((text) => inline(text.trim()));
  const row = (line, tag) =>
    h(
      "tr",
      {},
      cells(line).map((cell) => h(tag, {}, cell)),
    );
  return h(
    "div",
    { class: "table", tabindex: "0" },
    h(
      "table",
      {},
      h("thead", {}, row(head, "th")),
      h(
        "tbody",
        {},
        rows.map((line) => row(line, "td")),
      ),
    ),
  );
}

const broken = (lines) => lines.map((line, at) => [at ? h("br") : null, ...inline(line)]);

function inline(text) {
  const out = [];
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    out.push(text.slice(last, found.index), mark(found));
    last = found.index + found[0].length;
  }
  return [...out, text.slice(last)];
}

function mark([, source, strong, emphasis, label, href, bare]) {
  if (source) return h("code", {}, source);
  if (strong) return h("strong", {}, strong);
  if (emphasis) return h("em", {}, emphasis);
  return external(href ?? bare, label ?? bare);
}
