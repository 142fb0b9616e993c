// Speech: a text spoken by a voice.
import { readButton } from "../media/files.js";
import { player, spokenSoFar } from "../media/lines.js";
import { mediaPage } from "../media/page.js";
import { allVoices, localesOf, nearest, optionsOf } from "../media/voices.js";
import { fill, h } from "../dom.js";

let voices = [];

export default mediaPage({
  title: "Speech",
  path: "/speech",
  intro: "A text as an MP3, 20,000 characters at most.",
  submit: "Speak",
  another: "New speech",
  kinds: [{ kind: "speech", name: "Speech", noun: "Speech" }],
  steps: [
    ["speak", "Speak"],
    ["mix", "Put together"],
  ],
  async fields(ctx, field) {
    voices = await allVoices(ctx.signal);
    const locales = localesOf(voices);
    const near = nearest(locales.map(([locale]) => locale));
    const above = readButton(() => field("text").input);
    return [
      { name: "text", label: "Text", type: "textarea", rows: 8, required: true, above },
      { name: "locale", label: "Language", type: "select", options: locales, value: near },
      { name: "voice", label: "Voice", type: "select", options: optionsOf(voices, near) },
      {
        name: "speed",
        label: "Speed",
        type: "number",
        value: "1",
        step: "any",
        hint: "From 0.25 to 4; 1 is as usual.",
      },
    ];
  },
  ready(field) {
    const [locale, voice] = [field("locale").input, field("voice").input];
    const show = () =>
      fill(
        voice,
        optionsOf(voices, locale.value).map(([value, text]) => h("option", { value }, text)),
      );
    locale.addEventListener("change", show);
  },
  request: ({ text, voice, speed }) => ({
    path: "/agent/tts/synthesize",
    body: { text, voice, ...(speed === null ? {} : { speed }) },
  }),
  progress: spokenSoFar,
  result: player,
});
