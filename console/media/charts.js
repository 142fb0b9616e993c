// Charts as small pictures: bars, columns, lines and pies, by their values.
import { h } from "../dom.js";

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A chart in the box of `shape` (points). `colours`: the deck's. */
export function chart({ chart: kind, categories, series, w, h: height }, { accents, ink, line }) {
  const box = { w, h: height, ink: `#${ink}`, rule: `#${line}`, colour: (at) => `#${accents[at % accents.length]}` };
  const drawn = kind === "pie" ? pie(categories, series[0].values, box) : DRAWERS[kind](categories, series, box);
  const key =
    series.length > 1
      ? legend(
          series.map(({ name }) => name),
          box,
        )
      : [];
  return h("div", {}, svg("svg", { viewBox: `0 0 ${w} ${height}`, width: "100%", height: "100%" }, ...drawn, ...key));
}

const DRAWERS = {
  column: (categories, series, box) => upright(categories, series, box, columns),
  line: (categories, series, box) => upright(categories, series, box, lines),
  bar: lying,
};

const words = (text, x, y, { ink }, anchor = "middle") =>
  svg("text", { x, y, fill: ink, "font-size": 13, "text-anchor": anchor }, text);

/** From the smallest value, or 0, to the largest. */
function range(series) {
  const values = series.flatMap((one) => one.values.filter((value) => value !== null));
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return { low, high: high === low ? low + 1 : high };
}

function upright(categories, series, box, draw) {
  const { low, high } = range(series);
  const bottom = box.h - 46;
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - 22);
  const step = box.w / categories.length;
  const axis = svg("line", { x1: 0, x2: box.w, y1: y(0), y2: y(0), stroke: box.rule });
  const names = categories.map((name, at) => words(name, (at + 0.5) * step, bottom + 18, box));
  return [axis, ...names, ...draw(series, { y, step, box })];
}

function columns(series, { y, step, box }) {
  const wide = (step * 0.62) / series.length;
  return series.flatMap(({ values }, number) =>
    values.flatMap((value, at) => {
      if (value === null) return [];
      const x = at * step + step * 0.19 + number * wide;
      const [top, low] = [Math.min(y(value), y(0)), Math.max(y(value), y(0))];
      const bar = svg("rect", { x, y: top, width: wide, height: low - top, fill: box.colour(number) });
      return [bar, words(String(value), x + wide / 2, top - 5, box)];
    }),
  );
}

function lines(series, { y, step, box }) {
  return series.map(({ values }, number) => {
    const points = values.flatMap((value, at) => (value === null ? [] : [`${(at + 0.5) * step},${y(value)}`]));
    return svg("polyline", { points: points.join(" "), fill: "none", stroke: box.colour(number), "stroke-width": 3 });
  });
}

function lying(categories, series, box) {
  const { low, high } = range(series);
  const start = box.w * 0.3;
  const x = (value) => start + ((value - low) / (high - low)) * (box.w - start - 50);
  const step = (box.h - 30) / categories.length;
  const tall = (step * 0.62) / series.length;
  const names = categories.map((name, at) => words(name, start - 10, (at + 0.5) * step + 4, box, "end"));
  const bars = series.flatMap(({ values }, number) =>
    values.flatMap((value, at) => {
      if (value === null) return [];
      const y = at * step + step * 0.19 + number * tall;
      const [left, right] = [Math.min(x(value), x(0)), Math.max(x(value), x(0))];
      const bar = svg("rect", { x: left, y, width: right - left, height: tall, fill: box.colour(number) });
      return [bar, words(String(value), right + 6, y + tall / 2 + 4, box, "start")];
    }),
  );
  return [...names, ...bars];
}

function pie(categories, values, box) {
  const total = values.reduce((sum, value) => sum + Math.max(value ?? 0, 0), 0) || 1;
  const radius = Math.min(box.w / 2, box.h) / 2 - 12;
  const around = 2 * Math.PI * (radius / 2);
  let before = 0;
  // A circle whose line is as wide as its radius is a disc; its dashes are the pieces.
  const pieces = values.map((value, at) => {
    const share = (Math.max(value ?? 0, 0) / total) * around;
    const dash = { "stroke-dasharray": `${share} ${around}`, "stroke-dashoffset": -before };
    before += share;
    const circle = { cx: box.w / 3, cy: box.h / 2, r: radius / 2, fill: "none", "stroke-width": radius };
    return svg("circle", { ...circle, stroke: box.colour(at), ...dash });
  });
  const told = categories.map((name, at) => {
    const y = box.h / 2 + (at - (categories.length - 1) / 2) * 24;
    const square = svg("rect", { x: box.w * 0.66, y: y - 11, width: 13, height: 13, fill: box.colour(at) });
    return svg("g", {}, square, words(`${name}: ${values[at] ?? "–"}`, box.w * 0.66 + 22, y, box, "start"));
  });
  return [...pieces, ...told];
}

/** The series' names below, side by side. */
function legend(names, box) {
  const step = box.w / names.length;
  return names.map((name, at) => {
    const x = at * step + 8;
    const square = svg("rect", { x, y: box.h - 16, width: 12, height: 12, fill: box.colour(at) });
    return svg("g", {}, square, words(name, x + 18, box.h - 5, box, "start"));
  });
}
