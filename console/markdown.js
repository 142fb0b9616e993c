// Markdown to DOM nodes by text nodes only, so that an answer can never inject markup.
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/g;

export function element(tag, text = "", className = "") {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function link(text, href) {
  const node = element("a", text);
  node.href = href;
  node.rel = "noopener noreferrer";
  node.target = "_blank";
  return node;
}

function inline(parent, text) {
  let last = 0;
  for (const m of text.matchAll(INLINE)) {
    parent.append(text.slice(last, m.index));
    if (m[1]) parent.append(element("code", m[1]));
    else if (m[2]) parent.append(element("strong", m[2]));
    else parent.append(link(m[3], m[4]));
    last = m.index + m[0].length;
  }
  parent.append(text.slice(last));
  return parent;
}

export function render(target, source) {
  const out = [];
  let code = null, list = null, para = null;
  for (const line of source.split("\n")) {
    if (line.startsWith("```")) {
      if (code) code = null;
      else { const pre = element("pre"); code = element("code"); pre.append(code); out.push(pre); }
      list = para = null;
      continue;
    }
    if (code) { code.append(line + "\n"); continue; }
    const item = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/.exec(line);
    if (item) {
      const tag = item[1] ? "OL" : "UL";
      if (list?.tagName !== tag) { list = element(tag); out.push(list); }
      list.append(inline(element("li"), item[2]));
      para = null;
    } else if (!line.trim()) list = para = null;
    else {
      const heading = /^#{1,6}\s+(.*)$/.exec(line);
      if (heading) { out.push(inline(element("h3"), heading[1])); para = null; }
      else if (para) { para.append(element("br")); inline(para, line); }
      else { para = inline(element("p"), line); out.push(para); }
      list = null;
    }
  }
  target.replaceChildren(...out);
}
