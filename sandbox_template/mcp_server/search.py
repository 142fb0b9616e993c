"""Looking for files and for text within them."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from .errors import as_tool_errors
from .files import FilePath
from .paths import Paths

GREP_SECONDS = 30
MAX_LINE = 500
SKIPPED = (".git", "node_modules", "__pycache__", ".venv")
_FOUND_NOTHING = 1


class Entry(BaseModel):
    path: str
    type: Literal["file", "directory", "symlink", "other"]
    size: int = Field(description="bytes")
    modified: datetime


class Listing(BaseModel):
    entries: list[Entry]
    truncated: bool


class Match(BaseModel):
    path: str
    line_number: int
    line: str


class Matches(BaseModel):
    matches: list[Match]
    truncated: bool


class Search:
    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def file_list(
        self,
        path: FilePath,
        depth: Annotated[int, Field(ge=1, le=10, description="1: the folder's own entries")] = 1,
        limit: Annotated[int, Field(ge=1, le=2_000)] = 500,
    ) -> Listing:
        """List a folder, by name; deeper levels leave out .git, node_modules, __pycache__ and .venv."""
        found = self._paths.of(path)
        with as_tool_errors(path):
            if not found.is_dir():
                raise ToolError(f"{path} is {'a file' if found.exists() else 'not there'}, not a folder.")
            return _listing(_walk(found, depth), limit)

    def file_glob(
        self,
        pattern: Annotated[str, Field(min_length=1, max_length=500, description="such as **/*.py")],
        path: FilePath,
        limit: Annotated[int, Field(ge=1, le=2_000)] = 500,
    ) -> Listing:
        """Find files by their names below a folder."""
        found = self._paths.of(path)
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise ToolError("A pattern is relative to the folder and stays in it.")
        with as_tool_errors(path):
            if not found.is_dir():
                raise ToolError(f"{path} is not a folder.")
            try:
                matched = (p for p in found.glob(pattern) if not _is_skipped(p.relative_to(found)))
                return _listing(matched, limit)
            except (ValueError, NotImplementedError) as error:
                raise ToolError(f"{pattern} is not a valid pattern: {error}.") from error

    def file_grep(
        self,
        pattern: Annotated[str, Field(min_length=1, max_length=1_000, description="POSIX extended regular expression")],
        path: FilePath,
        glob: Annotated[str | None, Field(max_length=200, description="only in files so named, such as *.py")] = None,
        *,
        ignore_case: bool = False,
        fixed: Annotated[bool, Field(description="take the pattern as plain text")] = False,
        limit: Annotated[int, Field(ge=1, le=1_000)] = 200,
    ) -> Matches:
        """Find lines in text files, in one file or all below a folder; binaries and .git, node_modules … are left out."""
        found = self._paths.of(path)
        if not found.exists():
            raise ToolError(f"{path} does not exist.")
        command = ["grep", "-rnHIZ", "-F" if fixed else "-E", *(["-i"] if ignore_case else [])]
        command += [f"--exclude-dir={name}" for name in SKIPPED] + ([f"--include={glob}"] if glob else [])
        lines = _grep([*command, "-e", pattern, "--", str(found)], limit + 1)
        matches = [Match(path=p, line_number=n, line=text[:MAX_LINE]) for p, n, text in lines]
        return Matches(matches=matches[:limit], truncated=len(matches) > limit)


def _grep(command: list[str], limit: int) -> list[tuple[str, int, str]]:
    """The first matches. Another process does it, so that no pattern can hold up the server.

    Raises:
        ToolError: the pattern is wrong, or it took too long.
    """
    found: list[tuple[str, int, str]] = []
    head = ["timeout", "--signal=KILL", str(GREP_SECONDS), *command]
    with subprocess.Popen(head, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603  # no shell
        if process.stdout is None or process.stderr is None:
            raise RuntimeError("the pipes were asked for")
        for raw in process.stdout:
            path, _, rest = raw.decode(errors="replace").partition("\x00")
            number, _, line = rest.partition(":")
            found.append((path, int(number), line.rstrip("\n")))
            if len(found) == limit:
                process.kill()
                return found
        complaint = process.stderr.read().decode(errors="replace").strip()
        code = process.wait()
    if code < 0 or code == 128 + 9:
        raise ToolError(f"The search took more than {GREP_SECONDS} s; search in a smaller folder.")
    if code > _FOUND_NOTHING and not found:
        raise ToolError(f"grep refused: {complaint[:500]}")
    return found


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        yield child
        if depth > 1 and child.is_dir() and not child.is_symlink() and child.name not in SKIPPED:
            yield from _walk(child, depth - 1)


def _is_skipped(path: Path) -> bool:
    return any(part in SKIPPED for part in path.parts)


def _listing(paths: Iterator[Path], limit: int) -> Listing:
    entries: list[Entry] = []
    for path in paths:
        if len(entries) == limit:
            return Listing(entries=entries, truncated=True)
        entries.append(_entry(path))
    return Listing(entries=entries, truncated=False)


def _entry(path: Path) -> Entry:
    status = path.lstat()
    kind: Literal["file", "directory", "symlink", "other"] = "other"
    if path.is_symlink():
        kind = "symlink"
    elif path.is_dir():
        kind = "directory"
    elif path.is_file():
        kind = "file"
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return Entry(path=str(path), type=kind, size=status.st_size, modified=modified)
