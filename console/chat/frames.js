// Server-sent events out of a response's body.
import { Unreachable } from "../api.js";

/** Yields `{id, data}` for each event; `alive` is called whenever bytes come, comments included. */
export async function* frames(body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "",
    id = "",
    data = [];
  try {
    for (;;) {
      const { value, done } = await read(reader);
      if (done) return;
      alive();
      // A lone CR at the end may be half of a CRLF: it waits for what follows.
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { id, data: data.join("\n") };
          data = [];
          continue;
        }
        const [, field, text] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
        if (field === "data") data.push(text ?? "");
        else if (field === "id") id = text ?? "";
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A connection that breaks is told apart from a mistake in this program. */
async function read(reader) {
  try {
    return await reader.read();
  } catch (error) {
    throw error.name === "AbortError" ? error : new Unreachable();
  }
}
