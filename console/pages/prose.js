// Prose: a text continued, improved or changed, and better prompts. It appears as it is written.
import { Markdown } from "../chat/markdown.js";
import { h } from "../dom.js";
import { downloadButton, fetchFile, readButton } from "../media/files.js";
import { mediaPage } from "../media/page.js";

const ENHANCE = "enhance";
const WAYS = [
  ["improve", "Improve it"],
  ["fix", "Put its mistakes right"],
  ["shorter", "Make it shorter"],
  ["longer", "Make it longer"],
  ["continue", "Continue it"],
  ["zap", "Change it as I say"],
  [ENHANCE, "Make a better prompt of it"],
];
const STYLES = [
  ["", "None"],
  ["academic", "Academic"],
  ["popular_science", "Popular science"],
  ["news", "News"],
  ["social_media", "Social media"],
  ["strategic_investment", "Strategic investment"],
];

export default mediaPage({
  title: "Prose",
  path: "/prose",
  intro: "A text, 200 kB at most, and what is to be done with it.",
  submit: "Write",
  another: "New text",
  kinds: [
    { kind: "prose", name: "Texts", noun: "Text" },
    { kind: ENHANCE, name: "Prompts", noun: "Prompt" },
  ],
  steps: [],
  fields: (ctx, field) => [
    {
      name: "prompt",
      label: "Text",
      type: "textarea",
      rows: 8,
      required: true,
      above: readButton(() => field("prompt").input),
    },
    { name: "option", label: "What to do", type: "select", options: WAYS },
    {
      name: "command",
      label: "Your wish",
      type: "textarea",
      rows: 2,
      hint: "Optional, but needed to change it as you say.",
    },
    {
      name: "context",
      label: "Context",
      type: "textarea",
      rows: 2,
      visible: false,
      hint: "Optional: what the prompt is for.",
    },
    { name: "report_style", label: "Report style", type: "select", options: STYLES, visible: false },
  ],
  ready(field) {
    const option = field("option").input;
    option.addEventListener("change", () => {
      const enhances = option.value === ENHANCE;
      field("command").row.hidden = enhances;
      field("context").row.hidden = field("report_style").row.hidden = !enhances;
    });
  },
  request({ prompt, option, command = "", context = "", report_style: style = "" }) {
    if (option !== ENHANCE) return { path: "/agent/generation/prose", body: { prompt, option, command } };
    return { path: "/agent/generation/enhance-prompt", body: { prompt, context, report_style: style || null } };
  },
  live() {
    const node = h("div", { class: "text made" });
    const markdown = new Markdown(node);
    let source = "";
    const show = (text) => markdown.show((source = text));
    return {
      node,
      apply(event) {
        if (event.type === "TEXT_MESSAGE_START") show("");
        else if (event.type === "TEXT_MESSAGE_CONTENT") show(source + event.delta);
        else if (event.type === "CUSTOM" && event.name === "message.discarded") show("");
      },
    };
  },
  async result(run, ctx) {
    const [file] = run.artifacts;
    const source = await (await fetchFile(file.url, ctx.signal)).text();
    const node = h("div", { class: "text made" });
    new Markdown(node).show(source);
    const copy = h(
      "button",
      { type: "button", class: "primary", onclick: () => navigator.clipboard.writeText(source) },
      "Copy",
    );
    const { note } = file.details;
    return [
      note ? h("p", { class: "notice" }, `Written by rule: ${note}.`) : null,
      node,
      h("div", { class: "row" }, navigator.clipboard ? copy : null, downloadButton(ctx, file)),
    ];
  },
});
