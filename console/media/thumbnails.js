// The slides of a deck as they were drawn, from what the API read back of its file: texts, tables and charts in their places.
import { fill, h } from "../dom.js";
import { chart } from "./charts.js";

/** A grid of slides; each opens large, with the keyboard's arrows from one to the next. */
export function slideGrid(deck) {
  const items = deck.slides.map((slide, at) => {
    const about = `Slide ${at + 1}: ${slide.title}`;
    const open = h("button", { type: "button", "aria-label": about, onclick: () => show(deck, at) }, picture(deck, at));
    return h("li", {}, open, h("small", { class: "dim", "aria-hidden": "true" }, String(at + 1)));
  });
  return h("ol", { class: "slides", "aria-label": "Slides" }, items);
}

/** One slide after another, in a dialog. */
function show(deck, first) {
  let at = first;
  const place = h("div", { class: "stage" });
  const where = h("span", { role: "status" });
  const turn = (by) => {
    at = Math.min(Math.max(at + by, 0), deck.slides.length - 1);
    fill(place, picture(deck, at));
    where.textContent = `${at + 1} of ${deck.slides.length}`;
    back.disabled = at === 0;
    forth.disabled = at === deck.slides.length - 1;
  };
  const button = (text, onclick) => h("button", { type: "button", onclick }, text);
  const back = button("Previous", () => turn(-1));
  const forth = button("Next", () => turn(1));
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -1, PageDown: 1 };
  const dialog = h(
    "dialog",
    {
      class: "slideshow",
      "aria-label": "Slides",
      onclose: () => dialog.remove(),
      onkeydown: (event) => turn(steps[event.key] ?? 0),
    },
    place,
    h(
      "div",
      { class: "row" },
      back,
      where,
      forth,
      h("span", { class: "grow" }),
      button("Close", () => dialog.close()),
    ),
  );
  document.body.append(dialog);
  turn(0);
  dialog.showModal();
}

/** A slide as large as its place is wide. Lengths are hundredths of its width (`cqw`), so that it needs no script to grow. */
function picture(deck, at) {
  const { title, background, shapes } = deck.slides[at];
  const unit = (points) => `${(points / deck.width) * 100}cqw`;
  const context = { ...deck.colours, unit, rtl: deck.rtl, number: at + 1 };
  const drawn = shapes.map((shape) => placed(shape, unit, DRAWERS[shape.kind](shape, context)));
  const node = h("div", { class: "slide", role: "img", "aria-label": title || `Slide ${at + 1}` }, drawn);
  node.style.aspectRatio = `${deck.width} / ${deck.height}`;
  node.style.background = colour(background);
  return node;
}

function placed({ x, y, w, h: height }, unit, node) {
  Object.assign(node.style, { left: unit(x), top: unit(y), width: unit(w), height: unit(height) });
  return node;
}

/** RRGGBB as CSS has it; anything else is none. */
const colour = (value) => (/^[0-9A-Fa-f]{6}$/.test(value) ? `#${value}` : "transparent");

const DRAWERS = {
  bar({ fill: value }) {
    const node = h("div");
    node.style.background = colour(value);
    return node;
  },
  text({ lines, colour: ink, mark, anchor, end }, { unit, rtl, number }) {
    const node = h(
      "div",
      { class: `words ${anchor}`, dir: rtl ? "rtl" : "ltr" },
      lines.map((line) => paragraph(line, mark, { unit, number })),
    );
    node.style.color = colour(ink);
    if (end) node.style.textAlign = "end";
    return node;
  },
  table({ rows, widths, size }, { accents, paper, ink, band, line, unit }) {
    const total = widths.reduce((sum, width) => sum + width, 0);
    const columns = widths.map((width) => {
      const node = h("col");
      node.style.width = `${(width / total) * 100}%`;
      return node;
    });
    const row = (cells, at) => {
      const node = h(
        "tr",
        {},
        cells.map((text) => h("td", {}, text)),
      );
      node.style.background = colour(at === 0 ? accents[0] : at % 2 ? paper : band);
      node.style.color = colour(at === 0 ? paper : ink);
      return node;
    };
    const node = h("div", {}, h("table", { role: "presentation" }, h("colgroup", {}, columns), rows.map(row)));
    node.style.fontSize = unit(size);
    node.style.setProperty("--rule", colour(line));
    return node;
  },
  chart: (shape, context) => chart(shape, context),
  picture({ text }, { muted, band }) {
    const node = h("div", { class: "no-picture" }, text);
    Object.assign(node.style, { color: colour(muted), background: colour(band) });
    return node;
  },
};

function paragraph({ text, size, bold, level, mark }, tone, { unit, number }) {
  const sign = mark ? h("span", { class: "mark" }, mark) : null;
  if (sign) sign.style.color = colour(tone);
  const node = h("p", {}, sign, h("span", {}, text === "#" ? String(number) : text));
  node.style.fontSize = unit(size);
  node.style.fontWeight = bold ? "700" : "400";
  if (level) node.style.marginInlineStart = unit(21 * level);
  return node;
}
