// What the pages of schedulers share: where they are, how one is told, what is done to one.
import { call } from "../api.js";
import { h, randomKey } from "../dom.js";
import { tell } from "../ui/banner.js";
import { remove } from "../ui/crud.js";
import { badge, count } from "../ui/format.js";

export const API = "/task/schedulers";
export const PATH = "/schedulers";

/** The API's address of one, and of what belongs to it. */
export const target = (id, more = "") => `${API}/${encodeURIComponent(id)}${more}`;

/** The console's address of one's form or runs. */
export const linkTo = (page, one) => `#${PATH}/${page}/${encodeURIComponent(one.id)}`;

export function whenOf(one) {
  if (one.type === "crontab") return [h("code", {}, one.crontab), " ", h("span", { class: "dim" }, one.timezone)];
  const period = one.interval_every === 1 ? one.interval_period.slice(0, -1) : one.interval_period;
  return `every ${one.interval_every === 1 ? "" : `${count(one.interval_every)} `}${period}${one.one_off ? ", once" : ""}`;
}

export const stateOf = (one) => [
  one.enabled ? badge("on", "good") : badge("off"),
  one.remark ? h("div", { class: "dim" }, one.remark) : null,
];

export async function runNow(one, reload) {
  await call("POST", target(one.id, "/run"), undefined, { headers: { "Idempotency-Key": randomKey() } });
  tell(`“${one.name}” runs.`);
  await reload();
}

export async function turn(one, reload) {
  await call("PUT", target(one.id, "/status"), { enabled: !one.enabled });
  tell(`“${one.name}” is ${one.enabled ? "off" : "on"}.`);
  await reload();
}

export async function drop(one, reload) {
  const text = "It fires no more. A run that is under way goes on to its end.";
  if (await remove({ title: `Delete “${one.name}”?`, text, path: target(one.id), said: "Deleted." })) await reload();
}
