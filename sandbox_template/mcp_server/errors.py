"""What goes wrong, as sentences that a model can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server.mcpserver.exceptions import ToolError

_SENTENCES: dict[type[OSError], str] = {
    FileNotFoundError: "{path} does not exist.",
    FileExistsError: "{path} exists already.",
    IsADirectoryError: "{path} is a directory.",
    NotADirectoryError: "A part of {path} is a file, not a directory.",
    PermissionError: "There is no permission to use {path}.",
}


@contextmanager
def as_tool_errors(path: object) -> Iterator[None]:
    """An error of the file system becomes a `ToolError` about `path`; anything else is a bug and stays one."""
    try:
        yield
    except OSError as error:
        sentence = next((text for kind, text in _SENTENCES.items() if isinstance(error, kind)), None)
        raise ToolError((sentence or "{path}: {reason}.").format(path=path, reason=error.strerror or error)) from error
