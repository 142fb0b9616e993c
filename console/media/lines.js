// Lines that are spoken one by one: how far they are, and, when they are done, the player that shows which one is heard.
import { fill, h } from "../dom.js";
import { addressOf, downloadButton, fetchFile } from "./files.js";
import { clock } from "../ui/format.js";

/** Of a run's state `{lines: [{speaker, text, status}], note?}`. */
export function spokenSoFar({ lines = [], note }) {
  const done = lines.filter(({ status }) => status !== "waiting").length;
  const items = lines.map(({ speaker, text, status }) =>
    h(
      "li",
      { dataset: { state: status === "waiting" ? "" : "done" } },
      speaker ? [h("b", {}, speaker), " "] : null,
      text,
      status === "waiting" || status === "spoken" ? null : h("small", { class: "dim" }, ` (${status})`),
    ),
  );
  const said = note ? h("p", { class: "notice" }, note) : null;
  const counted = h("p", { class: "dim" }, `${done} of ${lines.length} spoken`);
  const list = h("ol", { class: "lines", tabindex: "0", "aria-label": "Lines" }, items);
  return { done, total: lines.length, node: [said, lines.length ? [counted, list] : null] };
}

/** The sound with its transcript where there is one, and what can be downloaded. */
export async function player(run, ctx) {
  const { artifacts } = run;
  const sound = artifacts.find((one) => one.details.role === "main");
  const captions = artifacts.find((one) => one.details.role === "captions");
  const [heard, cues] = await Promise.all([
    fetchFile(sound.url, ctx.signal),
    captions ? fetchFile(captions.url, ctx.signal) : null,
  ]);
  const audio = h("audio", {
    controls: true,
    src: addressOf(heard, ctx.signal),
    "aria-label": sound.details.title ?? sound.name,
  });
  const { note, milliseconds, provider, stood_in_lines: stoodIn } = sound.details;
  const about = [clock(milliseconds / 1000), provider ? `spoken by ${provider}` : ""].filter(Boolean).join(" · ");
  const instead = stoodIn
    ? h("p", { class: "notice" }, `The embedded voice stood in for ${provider} in line ${stoodIn.join(", ")}.`)
    : null;
  const extras = artifacts.filter((one) => one !== sound);
  return [
    note ? h("p", { class: "notice" }, note) : null,
    instead,
    audio,
    h("p", { class: "dim" }, about),
    h(
      "div",
      { class: "row" },
      downloadButton(ctx, sound, { text: "Download MP3", main: true }),
      extras.map((one) => downloadButton(ctx, one, { text: `Download ${one.details.role}` })),
    ),
    cues ? transcript(audio, addressOf(cues, ctx.signal)) : null,
  ];
}

/** The cues as buttons that go to their moment; the one that is heard is marked. The browser itself reads the WebVTT. */
function transcript(audio, address) {
  const list = h("ol", { class: "lines cues", tabindex: "0", "aria-label": "Transcript" });
  const track = h("track", { kind: "captions", src: address, default: true });
  audio.append(track);
  track.track.mode = "hidden";
  track.addEventListener("load", () =>
    fill(
      list,
      [...track.track.cues].map((cue) => lineOf(cue, audio)),
    ),
  );
  track.track.addEventListener("cuechange", () => {
    const heard = new Set([...track.track.activeCues].map(({ id }) => id));
    for (const line of list.children) {
      if (heard.has(line.dataset.cue)) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    }
    if (!audio.paused) keepInSight(list, list.querySelector("[aria-current]"));
  });
  return list;
}

function lineOf(cue, audio) {
  const speaker = /^<v ([^>]*)>/.exec(cue.text)?.[1] ?? "";
  const onclick = () => {
    audio.currentTime = cue.startTime;
    audio.play();
  };
  const name = speaker ? h("b", {}, plain(speaker), " ") : null;
  const words = cue.getCueAsHTML().textContent;
  const at = h("small", { class: "dim" }, clock(cue.startTime));
  return h(
    "li",
    { dataset: { cue: cue.id } },
    h("button", { type: "button", onclick }, at, h("span", {}, name, words)),
  );
}

/** A cue's escapes, in its voice's name. */
const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function keepInSight(list, line) {
  if (!line) return;
  const top = line.offsetTop - list.offsetTop;
  if (top < list.scrollTop || top + line.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - 40;
}
