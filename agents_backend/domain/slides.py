"""Slides as files in a sandbox, in the form that the sandbox's own MCP server reads (`docs/sandbox-template.md`)."""

import json
import re
from typing import Final

FOLDER: Final = "/home/user/slides"
WIDTH, HEIGHT = 1280, 720
MAX_NUMBER: Final = 999


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
