// Values as people read them.
import { h } from "../dom.js";

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const COUNT = new Intl.NumberFormat();

/** A moment (RFC 3339) as a short text with the full one as its title. */
export function time(text) {
  if (!text) return "–";
  const moment = new Date(text);
  return h("time", { datetime: text, title: FULL.format(moment) }, SHORT.format(moment));
}

export const count = (number) => COUNT.format(number ?? 0);

/** Seconds as a player shows them. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** US dollars; small sums keep the digits that tell. */
export function money(dollars) {
  if (!dollars) return "$0";
  return `$${dollars.toFixed(dollars < 0.01 ? 6 : dollars < 1 ? 4 : 2)}`;
}

/** From one moment to another, or to now. */
export function duration(from, to) {
  const seconds = Math.max(0, (to ? new Date(to) : new Date()) - new Date(from)) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A word in a coloured frame. `tone`: good, bad, busy, or none. */
export const badge = (text, tone = "") => h("span", { class: `badge ${tone}` }, text);

/** Names and what they are: `[[name, text or node]]`. */
export const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );

/** A frame with a heading, beside others of its kind in `.cards`. */
export const panel = (title, ...inside) => h("section", { class: "panel" }, h("h2", {}, title), inside);

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes, to three digits. */
export function bytes(number) {
  let at = 0;
  let left = number ?? 0;
  while (left >= 1000 && at < UNITS.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${at && left < 100 ? left.toPrecision(3) : Math.round(left)} ${UNITS[at]}`;
}
