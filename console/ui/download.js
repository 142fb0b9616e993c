// Files of the API on the user's disk.
import { request } from "../api.js";
import { h } from "../dom.js";

/** Ask for a file and save it under the name that the server gives it. */
export async function download(method, path, body, { signal, name = "download" } = {}) {
  const response = await request(method, path, body, { signal });
  save(await response.blob(), nameOf(response.headers.get("Content-Disposition")) ?? name);
}

/** Save a blob as a file. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser reads it meanwhile
}

/** The file's name in a Content-Disposition (RFC 6266), or null. */
function nameOf(header) {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(header ?? "")?.[1];
  if (extended) return decodeURIComponent(extended);
  return /filename="([^"]*)"/i.exec(header ?? "")?.[1] ?? null;
}
