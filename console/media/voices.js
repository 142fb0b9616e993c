// The voices that texts are spoken with, as the options of a choice.
import { call, withQuery } from "../api.js";

const NAMES = new Intl.DisplayNames(undefined, { type: "language", fallback: "code" });

/** All voices, once a page. */
export async function allVoices(signal) {
  const items = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const path = withQuery("/agent/tts/voices", { page, size: 200 });
    const found = await call("GET", path, undefined, { signal });
    items.push(...found.items);
    pages = found.total_pages;
  }
  return items;
}

/** `[[locale, its name]]`, by name. */
export function localesOf(voices) {
  const names = [...new Set(voices.map(({ locale }) => locale))].map((locale) => [locale, nameOf(locale)]);
  return names.sort(([, a], [, b]) => a.localeCompare(b));
}

/** `[[name, text]]` of a locale's voices, or of all with their languages. */
export function optionsOf(voices, locale = null) {
  const chosen = locale === null ? voices : voices.filter((voice) => voice.locale === locale);
  return chosen.map(({ name, gender, locale: own }) => [
    name,
    locale === null ? `${nameOf(own)}: ${name} (${gender})` : `${name} (${gender})`,
  ]);
}

/** The one of `locales` that is nearest to the browser's language. */
export function nearest(locales) {
  const wanted = navigator.language;
  const [language] = wanted.split("-");
  return locales.find((one) => one === wanted) ?? locales.find((one) => one.startsWith(`${language}-`)) ?? "en-US";
}

function nameOf(locale) {
  try {
    return NAMES.of(locale);
  } catch {
    return locale;
  }
}
