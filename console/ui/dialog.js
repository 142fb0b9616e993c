// Modal dialogs, on the browser's own <dialog>: it keeps the focus inside, closes on Escape, and gives the focus back.
import { h, uid } from "../dom.js";
import { form } from "./form.js";

/** A dialog of `build(close) → nodes`; resolves to what `close` was given, or null. */
export function open(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    const heading = uid("dialog");
    const box = h("dialog", {
      class: wide ? "wide" : null,
      "aria-labelledby": heading,
      onclose: () => {
        box.remove();
        resolve(box.result ?? null);
      },
    });
    const close = (result = null) => {
      box.result = result;
      box.close();
    };
    // A long text is read from its beginning; a form begins at its first field.
    box.append(h("h2", { id: heading, ...(wide && { tabindex: "-1", autofocus: true }) }, title), ...build(close));
    document.body.append(box);
    box.showModal();
  });
}

/** Resolves to whether the user agreed. */
export async function confirm({ title, text, action = "OK", danger = false }) {
  const answer = await open(title, (close) => [
    h("p", {}, text),
    h(
      "div",
      { class: "row end" },
      h("button", { type: "button", autofocus: true, onclick: () => close() }, "Cancel"),
      h("button", { type: "button", class: danger ? "danger" : "primary", onclick: () => close(true) }, action),
    ),
  ]);
  return answer === true;
}

/** Resolves to the values, or null. `onsubmit(values)` runs while the dialog is open, so that its error is shown there. */
export function formDialog({ title, text, fields, submit, danger, onsubmit = async () => {} }) {
  return open(title, (close) => {
    const made = form({
      fields,
      submit,
      danger,
      cancel: "Cancel",
      oncancel: () => close(),
      onsubmit: async (values) => {
        await onsubmit(values);
        close(values);
      },
    });
    return [text ? h("p", { class: "dim" }, text) : null, made.node].filter(Boolean);
  });
}

/** Something that is told once, such as a new password. */
export function showOnce(title, secret) {
  return open(title, (close) => [
    h("p", {}, "It is shown this once."),
    h("pre", { class: "secret", tabindex: "0" }, secret),
    h("div", { class: "row end" }, h("button", { type: "button", class: "primary", onclick: () => close() }, "Done")),
  ]);
}
