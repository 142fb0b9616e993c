"""Which paths the file tools accept.

A guard-rail and not a wall: the shell tools can reach whatever the sandbox's user can, and the sandbox itself is the wall.
"""

from collections.abc import Sequence
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError


class Paths:
    """The folders that file tools may touch. The first one is the root: where shells start and where state is kept."""

    def __init__(self, root: Path, also: Sequence[Path] = ()) -> None:
        self.root = root.resolve()
        self._allowed = (self.root, *(path.resolve() for path in also))

    def of(self, text: str) -> Path:
        """The real path that `text` names, symlinks followed.

        Raises:
            ToolError: it is not absolute, or leads out of the allowed folders.
        """
        if "\x00" in text:
            raise ToolError("A path holds no NUL character.")
        if not text.startswith("/"):
            raise ToolError(f"Paths are absolute: {self.root / text} instead of {text}?")
        path = _resolved(text)
        if not any(path.is_relative_to(folder) for folder in self._allowed):
            allowed = ", ".join(str(folder) for folder in self._allowed)
            raise ToolError(f"{text} is outside of the folders of the file tools: {allowed}.")
        return path


def _resolved(text: str) -> Path:
    try:
        return Path(text).resolve()
    except (OSError, RuntimeError) as error:  # a loop of symlinks, or a name too long
        raise ToolError(f"{text[:200]} cannot be followed.") from error


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, keeping the mode of the one that it replaces.

    Raises:
        OSError: as the file system has it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(path.parent) from error
    if path.is_dir():
        raise IsADirectoryError(path)
    scratch = path.with_name(f".{path.name[:200]}.writing")
    try:
        scratch.write_bytes(content)
        if path.exists():
            scratch.chmod(path.stat().st_mode & 0o7777)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
