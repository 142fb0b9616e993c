// Decks: slides of a content, as a PowerPoint file.
import { call } from "../api.js";
import { h } from "../dom.js";
import { downloadButton, fetchFile, readButton } from "../media/files.js";
import { mediaPage } from "../media/page.js";
import { slideGrid } from "../media/thumbnails.js";
import { badge } from "../ui/format.js";
import { orNull } from "../ui/fields.js";

export default mediaPage({
  title: "Deck",
  path: "/decks",
  intro:
    "Slides of what you give them: text or Markdown, 200 kB at most. The file opens in PowerPoint, Keynote and LibreOffice.",
  submit: "Make the deck",
  another: "New deck",
  kinds: [{ kind: "ppt", name: "Decks", noun: "Deck" }],
  steps: [
    ["outline", "Outline"],
    ["draw", "Draw the slides"],
  ],
  async fields(ctx, field) {
    const { deck_themes: themes } = await call("GET", "/agent/config", undefined, { signal: ctx.signal });
    const above = readButton(() => field("content").input);
    return [
      { name: "content", label: "Content", type: "textarea", rows: 10, required: true, above },
      { name: "theme", label: "Theme", type: "select", options: themes.map((name) => [name, name]) },
      { name: "locale", label: "Language", hint: "Such as de-DE; empty: the content's own.", parse: orNull },
    ];
  },
  request: (values) => ({ path: "/agent/generation/ppt", body: values }),
  progress({ slides = [], note }) {
    const items = slides.map(({ title, kind }) => h("li", {}, title || kind, " ", badge(kind.replace("_", " "))));
    const list = h("ol", { class: "lines", tabindex: "0", "aria-label": "Outline" }, items);
    return { node: [note ? h("p", { class: "notice" }, note) : null, items.length ? list : null] };
  },
  async result(run, ctx) {
    const file = run.artifacts.find((one) => one.details.role === "main");
    const shown = run.artifacts.find((one) => one.details.role === "thumbnails");
    const deck = shown ? JSON.parse(await (await fetchFile(shown.url, ctx.signal)).text()) : null;
    const { note, slides, theme, pictures_not_fetched: missing = {} } = file.details;
    const lost = Object.entries(missing).map(([url, why]) => h("li", {}, `${url}: ${why}`));
    return [
      note ? h("p", { class: "notice" }, note) : null,
      lost.length ? [h("p", { class: "notice" }, "Pictures that could not be fetched:"), h("ul", {}, lost)] : null,
      h(
        "div",
        { class: "row" },
        downloadButton(ctx, file, { main: true }),
        h("span", { class: "dim" }, `${slides} slides · ${theme}`),
      ),
      deck ? slideGrid(deck) : null,
    ];
  },
});
