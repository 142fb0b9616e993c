"""Slides: HTML pages of 1280x720 px, one file each under `<root>/slides/<presentation>/<number>.html`.

A file begins with a comment that holds its presentation, number and title as JSON, so that a folder needs no index and the
product can mirror pages one at a time; a page that was written without it is named by its file and its <title>. A slide that is deleted
leaves a file that says so, until the product has taken notice.
"""

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field, ValidationError

from .errors import as_tool_errors
from .paths import Paths, replace

MAX_CONTENT = 1_000_000
MAX_NUMBER = 999
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
    sha256: str = Field(description="of the file; slide_write can hold on to it")


class Slide(SlideEntry):
    content: str


class Slides:
    def __init__(self, paths: Paths) -> None:
        self._paths, self._folder = paths, paths.root / "slides"

    def slide_list(self, presentation_name: Presentation | None = None) -> list[SlideEntry]:
        """List the slides of one presentation or of all, in their order."""
        if not self._folder.is_dir():
            return []
        found = [_entry(path) for path in self._folder.glob("*/*.html") if path.stem.isdecimal() and _stands(path)]
        wanted = [entry for entry in found if presentation_name in {None, entry.presentation_name}]
        return sorted(wanted, key=lambda entry: (entry.presentation_name, entry.slide_number))

    def slide_read(self, presentation_name: Presentation, slide_number: SlideNumber) -> Slide:
        """Read a slide."""
        path = self._path(presentation_name, slide_number)
        if not _stands(path):
            raise ToolError(f"{presentation_name} has no slide {slide_number}.")
        with as_tool_errors(path):
            _, content = _parts(path)
            return Slide(**_entry(path).model_dump(), content=content)

    def slide_write(
        self,
        presentation_name: Presentation,
        slide_number: SlideNumber,
        title: Annotated[str, Field(min_length=1, max_length=200)],
        content: Annotated[str, Field(min_length=1, max_length=MAX_CONTENT, description="a whole HTML page")],
        replaces: Annotated[
            str | None,
            Field(max_length=64, description="the sha256 of the slide that you read: refused if it has changed"),
        ] = None,
    ) -> SlideEntry:
        """Write a slide, new or in place of the one with its number: a whole HTML page, laid out for 1280x720 px."""
        path = self._path(presentation_name, slide_number)
        head = SlideHead(presentation_name=presentation_name, slide_number=slide_number, title=title)
        with as_tool_errors(path):
            if replaces is not None and (not _stands(path) or _entry(path).sha256 != replaces):
                raise ToolError(f"Slide {slide_number} of {presentation_name} has changed since: read it again.")
            replace(path, page_of(head, content).encode())
            return _entry(path)

    def slide_delete(self, presentation_name: Presentation, slide_number: SlideNumber) -> SlideEntry:
        """Delete a slide; the numbers of the others stay. Gives what was deleted."""
        path = self._path(presentation_name, slide_number)
        if not _stands(path):
            raise ToolError(f"{presentation_name} has no slide {slide_number}.")
        with as_tool_errors(path):
            entry = _entry(path)
            replace(path, _DELETED.encode())
        return entry

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


def _entry(path: Path) -> SlideEntry:
    head, _ = _parts(path)
    data = path.read_bytes()
    return SlideEntry(**head.model_dump(), path=str(path), size=len(data), sha256=hashlib.sha256(data).hexdigest())
