"""Where what a user attached stands in a sandbox: a folder for each file, so that names are kept and none covers another."""

import uuid
from typing import Final

FOLDER: Final = "/home/user/uploads"
# What stands there already; a sandbox that is made anew has none and is given everything again.
MARKS: Final = "/home/user/.agents/attachments.json"
_MAX_NAME: Final = 255  # bytes, of a file's name on Linux


def attachment_path(file_id: uuid.UUID, name: str) -> str:
    return f"{FOLDER}/{file_id.hex[:8]}/{_file_name(name)}"


def _file_name(name: str) -> str:
    """The name, shortened before its ending where it is too long for a file system."""
    if name in {".", ".."}:
        return "file"
    if len(name.encode()) <= _MAX_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = f"{dot}{ending}" if stem and len(ending.encode()) <= 20 else ""  # noqa: PLR2004  # no ending is longer
    room = _MAX_NAME - len(ending.encode())
    return name.removesuffix(ending).encode()[:room].decode(errors="ignore") + ending
