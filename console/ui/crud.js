// Adding, changing and deleting things of the API in dialogs, and the buttons for that.
import { call } from "../api.js";
import { h, randomKey } from "../dom.js";
import { tell } from "./banner.js";
import { confirm, formDialog } from "./dialog.js";

/**
 * A button that the user may press, or null. `needs`: a permission. Several in a row name their thing by `about`.
 */
export function action(ctx, { label, about, needs, danger = false, primary = false, run }) {
  if (!ctx.may(needs)) return null;
  const name = about ? `${label} ${about}` : null;
  const tone = primary ? "primary" : [about && "quiet", danger && "bad-text"].filter(Boolean).join(" ");
  return h("button", { type: "button", class: tone, "aria-label": name, onclick: ctx.guard(run) }, label);
}

/**
 * A dialog that adds (`POST path`) or changes (`PUT path`) a thing. `bodyOf(values)` makes the body. Resolves to the API's answer, or null.
 * However often it is sent, a thing is added once.
 */
export async function edit({
  title,
  text,
  fields,
  submit,
  method = "POST",
  path,
  bodyOf = (values) => values,
  said,
  headers: given = {},
}) {
  const headers = method === "POST" ? { ...given, "Idempotency-Key": randomKey() } : given;
  let answer = null;
  const onsubmit = async (values) => {
    answer = await call(method, path, bodyOf(values), { headers });
  };
  if (!(await formDialog({ title, text, fields, submit, onsubmit }))) return null;
  if (said) tell(said);
  return answer ?? {};
}

/** Delete a thing after a second thought. Resolves to whether it is gone. */
export async function remove({ title, text, path, word = "Delete", said }) {
  if (!(await confirm({ title, text, action: word, danger: true }))) return false;
  await call("DELETE", path);
  if (said) tell(said);
  return true;
}
