"""Documents as they are retrieved from: sections, the passages that they are cut into, and how a passage is cited."""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

SCHEME = "rag://"
_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
URI_PATTERN = rf"^rag://{_ID}/?(?:#[^\x00-\x20]*)?$"
HEADING = 300  # characters of a heading, at most
# Where a passage may end, the best first: a paragraph, a sentence of either kind of script, a line, a word.
_ENDS = tuple(re.compile(pattern) for pattern in (r"\n\s*\n", r"[.!?…]['\")\]]*\s|[。！？]", r"\n", r"\s"))  # noqa: RUF001


class Section(BaseModel):
    """A stretch of a document under one heading, on one page (from 1; None where there are no pages)."""

    model_config = ConfigDict(frozen=True)

    heading: str = ""
    page: int | None = None
    text: str


class Passage(BaseModel):
    """What is embedded, indexed and found as one."""

    model_config = ConfigDict(frozen=True)

    heading: str = ""
    page: int | None = None
    text: str


@dataclass(frozen=True)
class Cut:
    """How long passages are, in tokens, and how much of one the next repeats."""

    tokens: int
    overlap: int

    def passages(self, section: Section, spans: Sequence[tuple[int, int]]) -> Iterator[Passage]:
        """A section's passages; `spans` are its tokens' places in its text, from and up to, in characters."""
        first = 0
        while first < len(spans):
            last = min(first + self.tokens, len(spans))
            end = len(section.text) if last == len(spans) else self._end(section.text, spans, first, last)
            text = section.text[spans[first][0] : end].strip()
            if text:
                yield Passage(heading=section.heading, page=section.page, text=text)
            reached = next((n for n in range(first + 1, len(spans)) if spans[n][0] >= end), len(spans))
            if reached == len(spans):
                return
            first = self._next(section.text, spans, first, reached)

    def _end(self, text: str, spans: Sequence[tuple[int, int]], first: int, last: int) -> int:
        """The best end in the second half of what would fit."""
        least, most = spans[(first + last) // 2][0], spans[last - 1][1]
        for kind in _ENDS:
            found = [match.end() for match in kind.finditer(text, least, most)]
            if found:
                return found[-1]
        return most

    def _next(self, text: str, spans: Sequence[tuple[int, int]], first: int, reached: int) -> int:
        """Where the next passage begins: at a sentence or word of the overlap, and always further than this one did."""
        back = max(first + 1, reached - self.overlap)
        if back >= reached:
            return reached
        low, high = spans[back][0], spans[reached][0]
        for kind in _ENDS:
            if match := kind.search(text, low, high):
                return next((n for n in range(back, reached + 1) if spans[n][0] >= match.end()), reached)
        return reached


def uri_of(resource_id: uuid.UUID, heading: str = "", page: int | None = None) -> str:
    """How a resource, or a place in it, is cited: `rag://<id>#page=3`, or `rag://<id>#<the innermost heading>`."""
    if page is not None:
        return f"{SCHEME}{resource_id}#page={page}"
    innermost = heading.rpartition(" > ")[2]
    return f"{SCHEME}{resource_id}" + (f"#{quote(innermost, safe='')}" if innermost else "")


def resource_of(uri: str) -> uuid.UUID | None:
    """The resource that a URI speaks of, wherever in it; None where it is no such URI."""
    found = re.fullmatch(rf"rag://({_ID})/?(?:#[^\x00-\x20]*)?", uri)
    return uuid.UUID(found[1]) if found else None


def place_of(title: str, heading: str, page: int | None) -> str:
    """A place in a document, for people."""
    parts = [title, *([f"page {page}"] if page is not None else []), *([heading] if heading else [])]
    return ", ".join(part for part in parts if part)
