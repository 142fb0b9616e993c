"""Unified diffs: parsed strictly, applied where their lines match exactly.

Source: the format as GNU diffutils documents it, with git's `a/` and `b/` and `/dev/null`.
"""

import re
from dataclasses import dataclass, field

from mcp.server.mcpserver.exceptions import ToolError

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NOWHERE = "/dev/null"
_UNSUPPORTED = ("rename from", "copy from", "GIT binary patch", "Binary files", "old mode", "new mode")


@dataclass
class Hunk:
    """Lines keep their newline, but for the last of a file that ends without one."""

    start: int
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


@dataclass
class FilePatch:
    path: str
    creates: bool
    deletes: bool
    hunks: list[Hunk] = field(default_factory=list)


def parse(text: str) -> list[FilePatch]:
    """The files that a diff changes.

    Raises:
        ToolError: it is not a unified diff, or does what is not supported (renames, modes, binary files).
    """
    lines = _Lines(text)
    found: list[FilePatch] = []
    while (line := lines.peek()) is not None:
        if line.startswith(_UNSUPPORTED):
            raise ToolError(f"This patch does more than change text ({line.strip()[:60]}): use git in a shell.")
        if line.startswith("--- "):
            found.append(_file(lines))
        elif _HUNK.match(line):
            raise ToolError(f"Line {lines.number}: a hunk before any --- and +++ lines.")
        else:
            lines.take()  # a heading such as git's "diff" and "index" lines
    if not found:
        raise ToolError("This is no unified diff: it has no --- and +++ lines.")
    return found


def apply(patch: FilePatch, text: str) -> str:
    """The text after the patch.

    Raises:
        ToolError: a hunk's lines are not in the text.
    """
    lines, at, shift = _pieces(text), 0, 0
    for number, hunk in enumerate(patch.hunks, start=1):
        wanted = hunk.start - 1 + shift if hunk.old else hunk.start + shift
        place = _find(lines, hunk.old, max(wanted, at), at)
        if place is None:
            raise ToolError(f"Hunk {number} does not match {patch.path} (line {hunk.start}); nothing was changed.")
        lines[place : place + len(hunk.old)] = hunk.new
        at = place + len(hunk.new)
        shift += len(hunk.new) - len(hunk.old) + (place - wanted)
    if patch.deletes and lines:
        raise ToolError(f"The patch deletes {patch.path}, but lines would remain; nothing was changed.")
    return "".join(lines)


def _find(lines: list[str], old: list[str], wanted: int, least: int) -> int | None:
    """Where `old` stands, the nearest to `wanted` and not before `least`."""
    if not old:
        return min(wanted, len(lines))
    last = len(lines) - len(old)
    nearest_first = sorted(range(least, last + 1), key=lambda place: abs(place - wanted))
    return next((place for place in nearest_first if lines[place : place + len(old)] == old), None)


class _Lines:
    def __init__(self, text: str) -> None:
        self._lines = _pieces(text if text.endswith("\n") else f"{text}\n")
        self.number = 1

    def peek(self) -> str | None:
        return self._lines[self.number - 1] if self.number <= len(self._lines) else None

    def take(self) -> str:
        line = self.peek()
        if line is None:
            raise ToolError("The patch ends in the middle of a hunk.")
        self.number += 1
        return line


def _pieces(text: str) -> list[str]:
    """Lines by their newline alone: a form feed within a line is not its end."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _file(lines: _Lines) -> FilePatch:
    old = _name(lines.take()[4:])
    header = lines.take()
    if not header.startswith("+++ "):
        raise ToolError(f"Line {lines.number - 1}: +++ should follow ---.")
    new = _name(header[4:])
    if old == new == _NOWHERE:
        raise ToolError("A patch needs a file to change.")
    patch = FilePatch(new if new != _NOWHERE else old, creates=old == _NOWHERE, deletes=new == _NOWHERE)
    while (line := lines.peek()) is not None and _HUNK.match(line):
        patch.hunks.append(_hunk(lines))
    if not patch.hunks:
        raise ToolError(f"Line {lines.number}: {patch.path} has no hunks.")
    return patch


def _name(text: str) -> str:
    """A file's name in a header: without its time stamp and without git's prefix."""
    name = text.split("\t", 1)[0].strip().strip('"')
    return name[2:] if name.startswith(("a/", "b/")) else name


def _hunk(lines: _Lines) -> Hunk:
    match = _HUNK.match(lines.take())
    if match is None:
        raise ToolError("This hunk has no heading.")
    before, after = (int(match[n]) if match[n] is not None else 1 for n in (2, 4))
    hunk = Hunk(start=int(match[1]))
    while len(hunk.old) < before or len(hunk.new) < after:
        line = lines.take()
        kind, rest = line[0], line[1:]
        if kind not in " -+\n":
            raise ToolError(f"Line {lines.number - 1}: a hunk's line starts with a space, - or +.")
        rest = "\n" if kind == "\n" else rest  # an empty context line whose space an editor took away
        if kind != "+":
            hunk.old.append(rest)
        if kind != "-":
            hunk.new.append(rest)
        _without_newline(lines, hunk, kind)
    if (len(hunk.old), len(hunk.new)) != (before, after):
        raise ToolError(f"Line {lines.number - 1}: the hunk has other numbers of lines than its heading says.")
    return hunk


def _without_newline(lines: _Lines, hunk: Hunk, kind: str) -> None:
    if not (lines.peek() or "").startswith("\\"):
        return
    lines.take()
    if kind != "+":
        hunk.old[-1] = hunk.old[-1].rstrip("\n")
    if kind != "-":
        hunk.new[-1] = hunk.new[-1].rstrip("\n")
