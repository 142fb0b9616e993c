// Podcasts: two hosts talk about a content.
import { readButton } from "../media/files.js";
import { player, spokenSoFar } from "../media/lines.js";
import { mediaPage } from "../media/page.js";
import { allVoices, optionsOf } from "../media/voices.js";
import { orNull } from "../ui/fields.js";

export default mediaPage({
  title: "Podcast",
  path: "/podcasts",
  intro: "Two hosts talk about what you give them: text or Markdown, 200 kB at most.",
  submit: "Make the podcast",
  another: "New podcast",
  kinds: [{ kind: "podcast", name: "Podcasts", noun: "Podcast" }],
  steps: [
    ["script", "Write the script"],
    ["speak", "Speak the lines"],
    ["mix", "Mix"],
  ],
  async fields(ctx, field) {
    const voices = optionsOf(await allVoices(ctx.signal));
    const usual = [["", "The usual one of the language"], ...voices];
    const above = readButton(() => field("content").input);
    return [
      { name: "content", label: "Content", type: "textarea", rows: 10, required: true, above },
      { name: "locale", label: "Language", hint: "Such as de-DE; empty: the content's own.", parse: orNull },
      { name: "first", label: "First host's voice", type: "select", options: usual, parse: orNull },
      { name: "second", label: "Second host's voice", type: "select", options: usual, parse: orNull },
    ];
  },
  request({ content, locale, first, second }) {
    if (Boolean(first) !== Boolean(second)) {
      const msg = "Choose a voice for both hosts, or for none.";
      throw Object.assign(new Error(msg), { errors: [{ loc: ["body", first ? "second" : "first"], msg }] });
    }
    return { path: "/agent/generation/podcast", body: { content, locale, voices: first ? [first, second] : null } };
  },
  progress: spokenSoFar,
  result: player,
});
