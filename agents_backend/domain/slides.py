"""Slides as files in a sandbox, in the form that the sandbox's own MCP server reads (`docs/sandbox-template.md`)."""

import html
import json
import posixpath
import re
from dataclasses import dataclass
from typing import Final

FOLDER: Final = "/home/user/slides"
WIDTH, HEIGHT = 1280, 720
MAX_NUMBER: Final = 999
MAX_NAME, MAX_TITLE, MAX_CONTENT = 100, 200, 900_000  # characters
_HEAD = re.compile(r"<!-- slide (\{.*?\}) -->\n")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_DELETED = "<!-- slide deleted -->"
_FILE = re.compile(r"([0-9]{3})\.html")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f/\\]")


@dataclass(frozen=True)
class SlidePage:
    """A page as its file in the sandbox has it; `is_deleted` is one that the MCP server has deleted."""

    presentation_name: str
    slide_number: int
    title: str
    content: str
    is_deleted: bool = False


def slide_path(presentation: str, number: int) -> str:
    return f"{FOLDER}/{folder_of(presentation)}/{number:03}.html"


def folder_of(presentation: str) -> str:
    """The name as a folder's name; names that differ only in odd characters stay apart by their code points."""
    plain = re.sub(r"[^\w.-]", lambda found: f"~{ord(found[0]):x}~", presentation.replace(" ", "_"))
    return f"~{plain}" if plain.startswith(".") else plain


def slide_page(presentation: str, number: int, title: str, content: str) -> str:
    """The file's text: a comment that names the slide, then the page as it is."""
    head = json.dumps({"presentation_name": presentation, "slide_number": number, "title": title})
    head = head.replace("-", r"\u002d").replace("<", r"\u003c").replace(">", r"\u003e")
    return f"<!-- slide {head} -->\n{content}"


def place_of(path: str) -> tuple[str, int] | None:
    """The folder's name and the number of a page's file; None for any other file."""
    above, name = posixpath.split(path)
    found = _FILE.fullmatch(name)
    if posixpath.dirname(above) != FOLDER or found is None or int(found[1]) == 0:
        return None
    return posixpath.basename(above), int(found[1])


def put_aside_path(path: str, digest: str) -> str:
    """Where a page goes that lost its place to another: no slide's own path."""
    above, name = posixpath.split(path)
    return f"{above}/put-aside-{digest[:12]}-{name}"


def parse_page(folder: str, number: int, text: str) -> SlidePage | None:
    """A page by its file; the file's place counts, and its head where it is of that place. None: it can be no slide."""
    head, content = _parts(text)
    named = head.get("presentation_name")
    name = named if isinstance(named, str) and folder_of(named) == folder else folder
    if not name or len(name) > MAX_NAME or _NOT_IN_A_NAME.search(name):
        return None
    if text.startswith(_DELETED):
        return SlidePage(name, number, "", "", is_deleted=True)
    titled = _TITLE.search(content)
    given = head.get("title") or (html.unescape(titled[1]).strip() if titled else "") or f"{number:03}"
    title = str(given).replace("\x00", "")[:MAX_TITLE]
    if not content or len(content) > MAX_CONTENT or "\x00" in content:
        return None
    return SlidePage(name, number, title, content)


def _parts(text: str) -> tuple[dict[str, object], str]:
    if found := _HEAD.match(text):
        try:
            return json.loads(found[1]), text[found.end() :]
        except ValueError:
            pass  # somebody wrote over it: the page is named as one without a head
    return {}, text
