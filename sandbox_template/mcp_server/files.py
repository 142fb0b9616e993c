"""Reading and writing files."""

import threading
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from .errors import as_tool_errors
from .patches import apply, parse
from .paths import Paths, replace
from .slides import Slides

MAX_TEXT = 2_000_000
MAX_READ = 100_000
_SNIFFED = 8_192

FilePath = Annotated[str, Field(description="absolute path", min_length=1, max_length=4096)]


class FilePart(BaseModel):
    """Lines of a text file. `truncated` says that lines remain after `end_line`."""

    path: str
    content: str
    start_line: int
    end_line: int
    total_lines: int
    truncated: bool


class Written(BaseModel):
    path: str
    size: int = Field(description="bytes")


class Edited(BaseModel):
    path: str
    replacements: int


class Patched(BaseModel):
    changed: list[str]
    created: list[str]
    deleted: list[str]


class Files:
    def __init__(self, paths: Paths, slides: Slides, changing: threading.Lock) -> None:
        self._paths, self._slides, self._changing = paths, slides, changing

    def file_read(
        self,
        path: FilePath,
        start_line: Annotated[int, Field(ge=1, description="the first line to read")] = 1,
        max_lines: Annotated[int, Field(ge=1, le=5_000)] = 2_000,
    ) -> FilePart:
        """Read lines of a text file. At most 100,000 characters come at once; go on at `end_line` + 1."""
        found = self._paths.of(path)
        taken: list[str] = []
        size, line_count, is_full = 0, 0, False
        with as_tool_errors(path):
            _require_text(found)
            with found.open(encoding="utf-8", errors="replace", newline="\n") as file:
                for line_count, line in enumerate(file, start=1):
                    if line_count < start_line or is_full:
                        continue
                    is_full = len(taken) == max_lines or size + len(line) > MAX_READ
                    if not is_full or not taken:
                        taken.append(line[:MAX_READ])
                        size += len(line)
        if start_line > max(line_count, 1):
            raise ToolError(f"{path} has {line_count} lines; line {start_line} is not there.")
        end = start_line + len(taken) - 1
        return FilePart(
            path=str(found),
            content="".join(taken),
            start_line=start_line,
            end_line=end,
            total_lines=line_count,
            truncated=end < line_count,
        )

    def file_write(
        self, path: FilePath, content: Annotated[str, Field(max_length=MAX_TEXT, description="the whole new text")]
    ) -> Written:
        """Write a text file, whole: it is created with its folders, or replaced."""
        found, data = self._paths.of(path), content.encode()
        with self._changing, as_tool_errors(path):
            if self._slides.has(found):
                raise ToolError(
                    f"{path} is a slide: use slide_write, which keeps what others have changed, or file_edit."
                )
            replace(found, data)
        return Written(path=str(found), size=len(data))

    def file_edit(
        self,
        path: FilePath,
        old: Annotated[str, Field(min_length=1, description="the exact text to replace, its whitespace included")],
        new: Annotated[str, Field(max_length=MAX_TEXT)],
        *,
        replace_all: Annotated[bool, Field(description="replace each occurrence; otherwise there must be one")] = False,
    ) -> Edited:
        """Replace an exact piece of a text file."""
        found = self._paths.of(path)
        with self._changing, as_tool_errors(path):
            text = _whole_text(found)
            count = text.count(old)
            if count == 0:
                raise ToolError(f"The text to replace is not in {path}. Read the file again: it must match exactly.")
            if count > 1 and not replace_all:
                raise ToolError(f"The text to replace is {count} times in {path}: give more of it, or replace_all.")
            replace(found, text.replace(old, new).encode())
        return Edited(path=str(found), replacements=count)

    def file_patch(
        self,
        patch: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="unified diff")],
        folder: Annotated[str, Field(description="absolute folder that the diff's relative paths start from")],
    ) -> Patched:
        """Apply a unified diff to one or more files: all of it, or nothing when any part does not fit.

        Paths may carry git's a/ and b/; /dev/null creates or deletes. A hunk may have moved, its lines must match exactly.
        """
        base = self._paths.of(folder)
        with self._changing:
            return self._patched(patch, base)

    def _patched(self, patch: str, base: Path) -> Patched:
        changes: dict[Path, str | None] = {}
        created: list[str] = []
        for part in parse(patch):
            target = self._paths.of(str(base / part.path))
            with as_tool_errors(target):
                if part.creates and target.exists():
                    raise ToolError(f"The patch creates {target}, which exists already.")
                before = changes.get(target) if target in changes else ("" if part.creates else _whole_text(target))
            if before is None:
                raise ToolError(f"The patch deletes {target} and then changes it.")
            after = apply(part, before)
            changes[target] = None if part.deletes else after
            created += [str(target)] if part.creates else []
        for target, text in changes.items():
            with as_tool_errors(target):
                if text is None:
                    target.unlink()
                else:
                    replace(target, text.encode())
        deleted = [str(target) for target, text in changes.items() if text is None]
        changed = [str(target) for target in changes if str(target) not in {*created, *deleted}]
        return Patched(changed=changed, created=created, deleted=deleted)


def _require_text(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(path)
    if not path.is_file() and path.exists():
        raise ToolError(f"{path} is not a regular file.")
    with path.open("rb") as file:
        if b"\x00" in file.read(_SNIFFED):
            raise ToolError(f"{path} is not a text file ({path.stat().st_size} bytes).")


def _whole_text(path: Path) -> str:
    _require_text(path)
    if path.stat().st_size > MAX_TEXT:
        raise ToolError(f"{path} is larger than {MAX_TEXT:,} bytes; change it by a command in a shell.")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8; change it by a command in a shell.") from error
