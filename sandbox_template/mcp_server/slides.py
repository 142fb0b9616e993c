"""Slides: HTML pages of 1280x720 px, one file each under `<root>/slides/<presentation>/<number>.html`.

A file begins with a comment that holds its presentation, number and title as JSON, so that a folder needs no index and the
product can mirror pages one at a time; a page that was written without it is named by its file and its <title>. A slide that is deleted
leaves a file that says so, until the product has taken notice.

Whoever writes over a page that is not the one it last read or wrote is refused and told what stands there: the user, a program or
another agent has changed it meanwhile.
"""

import hashlib
import html
import json
import re
import threading
from pathlib import Path
from typing import Annotated, NoReturn

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field, ValidationError

from .errors import as_tool_errors
from .paths import Paths, replace
from .sightings import Sightings

MAX_CONTENT = 1_000_000
MAX_NUMBER = 999
MAX_SHOWN = 50_000  # characters of a page in a refusal
_DELETED = "<!-- slide deleted -->\n"
_HEAD = re.compile(r"<!-- slide (\{.*?\}) -->\n")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)

Presentation = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/\\]+$", description="the presentation's name")
]
SlideNumber = Annotated[int, Field(ge=1, le=MAX_NUMBER, description="its place, from 1")]


class SlideHead(BaseModel):
    presentation_name: str
    slide_number: int = Field(ge=1, le=MAX_NUMBER)
    title: str


class SlideEntry(SlideHead):
    path: str
    size: int = Field(description="bytes")


class Slide(SlideEntry):
    content: str


class Slides:
    def __init__(self, paths: Paths, changing: threading.Lock) -> None:
        self._paths, self._folder = paths, paths.root / "slides"
        self._sightings = Sightings(paths)
        self._changing = changing

    def slide_list(self, presentation_name: Presentation | None = None) -> list[SlideEntry]:
        """List the slides of one presentation or of all, in their order."""
        if not self._folder.is_dir():
            return []
        found = [_entry(path) for path in self._folder.glob("*/*.html") if self.has(path)]
        wanted = [entry for entry in found if presentation_name in {None, entry.presentation_name}]
        return sorted(wanted, key=lambda entry: (entry.presentation_name, entry.slide_number))

    def slide_read(self, presentation_name: Presentation, slide_number: SlideNumber) -> Slide:
        """Read a slide."""
        path = self._path(presentation_name, slide_number)
        with self._changing, as_tool_errors(path):
            if not _stands(path):
                raise ToolError(f"{presentation_name} has no slide {slide_number}.")
            _, content = _parts(path)
            self._sightings.note(str(path), _digest(path))
            return Slide(**_entry(path).model_dump(), content=content)

    def slide_write(
        self,
        presentation_name: Presentation,
        slide_number: SlideNumber,
        title: Annotated[str, Field(min_length=1, max_length=200)],
        content: Annotated[str, Field(min_length=1, max_length=MAX_CONTENT, description="a whole HTML page")],
    ) -> SlideEntry:
        """Write a slide, new or in place of the one with its number: a whole HTML page, laid out for 1280x720 px.

        Refused, with the page that stands there, if that is not the one that you last read or wrote: put your change into it and write again.
        """
        path = self._path(presentation_name, slide_number)
        head = SlideHead(presentation_name=presentation_name, slide_number=slide_number, title=title)
        page = page_of(head, content).encode()
        with self._changing, as_tool_errors(path):
            present, last = _digest(path), self._sightings.last(str(path))
            wanted = hashlib.sha256(page).hexdigest()
            if present not in {last, wanted}:
                self._refuse(path, head, present)
            # Noted first: if the page then cannot be written, the next one is refused, and not a change lost.
            self._sightings.note(str(path), wanted)
            replace(path, page)
            return _entry(path)

    def slide_delete(self, presentation_name: Presentation, slide_number: SlideNumber) -> SlideEntry:
        """Delete a slide; the numbers of the others stay. Gives what was deleted. Refused if it has changed since you last read or wrote it."""
        path = self._path(presentation_name, slide_number)
        with self._changing, as_tool_errors(path):
            if not _stands(path):
                raise ToolError(f"{presentation_name} has no slide {slide_number}.")
            entry, present, last = _entry(path), _digest(path), self._sightings.last(str(path))
            if last not in {None, present}:
                self._refuse(path, entry, present)
            replace(path, _DELETED.encode())
            self._sightings.note(str(path), None)
        return entry

    def has(self, path: Path) -> bool:
        """Whether this file is a slide that stands."""
        return path.parent.parent == self._folder and path.suffix == ".html" and path.stem.isdecimal() and _stands(path)

    def _refuse(self, path: Path, slide: SlideHead, present: str | None) -> NoReturn:
        """Tell what stands there now, which is thereby seen."""
        self._sightings.note(str(path), present)
        name = f"Slide {slide.slide_number} of {slide.presentation_name}"
        if present is None:
            raise ToolError(
                f"{name} was deleted after you last read or wrote it. Write it again if it is still wanted."
            )
        head, content = _parts(path)
        shown = content if len(content) <= MAX_SHOWN else f"(It is long: use file_read for {path}.)"
        raise ToolError(
            f"{name} is not what you last read or wrote: somebody has changed it meanwhile, and nothing was done. Put your change into "
            f"what stands there now and call again.\nTitle: {head.title}\nPage:\n{shown}"
        )

    def _path(self, presentation: str, number: int) -> Path:
        return self._paths.of(str(self._folder / folder_of(presentation) / f"{number:03}.html"))


def folder_of(presentation: str) -> str:
    """The name as a folder's name; names that differ only in odd characters stay apart by their code points."""
    plain = re.sub(r"[^\w.-]", lambda found: f"~{ord(found[0]):x}~", presentation.replace(" ", "_"))
    return plain if not plain.startswith(".") else f"~{plain}"


def page_of(head: SlideHead, content: str) -> str:
    text = json.dumps(head.model_dump()).replace("-", r"\u002d").replace("<", r"\u003c").replace(">", r"\u003e")
    return f"<!-- slide {text} -->\n{content}"


def _parts(path: Path) -> tuple[SlideHead, str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if match := _HEAD.match(text):
        try:
            return SlideHead.model_validate_json(match[1]), text[match.end() :]
        except ValidationError:
            pass  # somebody wrote over it: the page is named as one without a head
    title = _TITLE.search(text)
    named = html.unescape(title[1]).strip() if title else path.stem
    number = min(max(int(path.stem), 1), MAX_NUMBER)
    return SlideHead(presentation_name=path.parent.name, slide_number=number, title=named), text


def _stands(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_DELETED)) != _DELETED.encode()


def _digest(path: Path) -> str | None:
    """The SHA-256 of a slide's file; None where no slide stands."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if _stands(path) else None


def _entry(path: Path) -> SlideEntry:
    head, _ = _parts(path)
    return SlideEntry(**head.model_dump(), path=str(path), size=path.stat().st_size)
