"""Citations of a report: numbers into the list of what was really seen. A number or address that is not in the list never reaches the reader."""

import re
from collections.abc import Iterable, Sequence

from agents_backend.db.tables.runs import Message
from agents_backend.services.toolboxes import Source

WITHHELD = "(address left out: it is none of the sources)"
_TOKEN = re.compile(r"\[(\d{1,3})\]|(?:https?|rag)://[^\s<>\"'`\])}]+")
# What may still grow into a token; held back until the next piece of text decides.
_OPEN = re.compile(
    r"(?:\[\d{0,3}|h(?:t(?:t(?:ps?(?::/?)?)?)?)?|r(?:a(?:g(?::/?)?)?)?|(?:https?|rag)://[^\s<>\"'`\])}]*)\Z"
)
_TRAILING = ".,;:!?*_"


def sources_of(messages: Iterable[Message]) -> list[Source]:
    """What the tools of a run gave, each address once, in the order in which it was first seen."""
    found: dict[str, Source] = {}
    for message in messages:
        for item in message.sources or ():
            found.setdefault(item["url"], Source(item["title"], item["url"]))
    return list(found.values())


class Citations:
    """Passes a text through piece by piece, then closes it with the list of what it cited."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._known = {source.url.rstrip("/") for source in sources}
        self._held = ""
        self._cited: dict[int, None] = {}

    def feed(self, text: str) -> str:
        text = self._held + text
        open_end = _OPEN.search(text)
        cut = open_end.start() if open_end else len(text)
        self._held = text[cut:]
        return _TOKEN.sub(self._replace, text[:cut])

    def end(self) -> str:
        """What was held back, and the references."""
        rest, self._held = _TOKEN.sub(self._replace, self._held), ""
        lines = [f"{n}. [{_label(self._sources[n - 1])}]({self._sources[n - 1].url})" for n in sorted(self._cited)]
        return rest + ("\n\n---\n\n" + "\n".join(lines) if lines else "")

    def _replace(self, match: re.Match[str]) -> str:
        if match[1] is None:
            address = match[0].rstrip(_TRAILING)
            tail = match[0][len(address) :]
            return match[0] if address.rstrip("/") in self._known else WITHHELD + tail
        number = int(match[1])
        if not 1 <= number <= len(self._sources):
            return ""
        self._cited[number] = None
        return match[0]


def _label(source: Source) -> str:
    return re.sub(r"[\[\]\s]+", " ", source.title).strip() or source.url
