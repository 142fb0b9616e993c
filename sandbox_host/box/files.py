"""File operations as the box's user: every path is resolved here, inside the box, and only bytes leave it."""

import contextlib
import errno
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from typing import Any

HOME = "/home/user"
_METADATA = "user.e2b."
_SPLICE_BYTES = 1 << 20
_COPY_BYTES = 1 << 18


class Refused(Exception):
    """An operation that cannot be done: `code` is one of the words that the host maps to statuses."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_CODES = {
    errno.ENOENT: "not_found",
    errno.EEXIST: "exists",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EFBIG: "no_space",
    errno.EAGAIN: "busy",
    errno.ENOMEM: "busy",
}


def refusal(error: OSError) -> Refused:
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return Refused(_CODES.get(error.errno or 0, "invalid"), f"{where}{error.strerror or error}")


def resolve(path: str) -> str:
    """Absolute; relative paths and `~` start at the home folder, as in E2B."""
    if not path or "\0" in path:
        raise Refused("invalid", "the path is empty or holds a NUL")
    if path == "~" or path.startswith("~/"):
        path = HOME + path[1:]
    return os.path.normpath(os.path.join(HOME, path))  # noqa: PTH118  # pathlib costs the start 8 ms


def entry(path: str) -> dict[str, Any]:
    found = os.lstat(path)
    is_link = stat.S_ISLNK(found.st_mode)
    target = None
    if is_link:
        target = os.path.realpath(path)
        with contextlib.suppress(OSError):  # a dangling link is told as itself
            found = os.stat(path)  # noqa: PTH116
    return {
        "name": os.path.basename(path) or "/",  # noqa: PTH119
        "path": path,
        "type": "dir" if stat.S_ISDIR(found.st_mode) else "file" if stat.S_ISREG(found.st_mode) else "other",
        "size": found.st_size,
        "mode": stat.S_IMODE(found.st_mode),
        "permissions": stat.filemode(found.st_mode),
        "owner": _owner(found.st_uid),
        "group": _owner(found.st_gid),
        "modified": found.st_mtime_ns,
        "target": target,
        "metadata": {} if is_link else _metadata(path),
    }


def _owner(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _metadata(path: str) -> dict[str, str]:
    try:
        names = [name for name in os.listxattr(path) if name.startswith(_METADATA)]
        return {name.removeprefix(_METADATA): os.getxattr(path, name).decode(errors="replace") for name in names}
    except OSError:
        return {}


def listing(path: str, depth: int) -> Iterator[list[dict[str, Any]]]:
    """The entries below a folder, in parts that fit a datagram."""
    if not os.path.isdir(path):  # noqa: PTH112
        os.lstat(path)
        raise Refused("invalid", f"{path} is not a folder")
    part: list[dict[str, Any]] = []
    for child in _below(path, depth):
        try:
            part.append(entry(child))
        except OSError:  # it went away meanwhile
            continue
        if len(part) == 100:  # noqa: PLR2004
            yield part
            part = []
    yield part


def _below(path: str, depth: int) -> Iterator[str]:
    with os.scandir(path) as found:
        children = sorted(found, key=lambda child: child.name)
    for child in children:
        yield child.path
        if depth > 1 and child.is_dir(follow_symlinks=False):
            try:
                yield from _below(child.path, depth - 1)
            except OSError:
                continue


def make_dir(path: str) -> dict[str, Any]:
    if os.path.isdir(path):  # noqa: PTH112
        raise Refused("exists", f"{path} exists")
    if os.path.lexists(path):
        raise Refused("invalid", f"{path} exists and is not a folder")
    os.makedirs(path, exist_ok=True)  # noqa: PTH103
    return entry(path)


def move(source: str, destination: str) -> dict[str, Any]:
    os.lstat(source)
    os.makedirs(os.path.dirname(destination), exist_ok=True)  # noqa: PTH103, PTH120
    try:
        os.rename(source, destination)  # noqa: PTH104
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(source, destination)
    return entry(destination)


def remove(path: str) -> None:
    """As `rm -rf`: what is not there is no error, what cannot be removed is."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        shutil.rmtree(path)
    else:
        os.unlink(path)  # noqa: PTH108


def open_for_reading(path: str) -> tuple[int, int]:
    """A descriptor and the size in bytes; only of a regular file."""
    source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(source)
    if not stat.S_ISREG(found.st_mode):
        os.close(source)
        kind = "is a folder" if stat.S_ISDIR(found.st_mode) else "is not a regular file"
        raise Refused("invalid", f"{path} {kind}")
    return source, found.st_size


def send(source: int, size: int, pipe: int) -> None:
    """At most `size` bytes into a pipe, page by page where the filesystem can. A reader that left ends it."""
    sent = 0
    try:
        while sent < size:
            moved = _splice(source, pipe, min(size - sent, _SPLICE_BYTES))
            if not moved:
                return
            sent += moved
    except BrokenPipeError:
        return


def _splice(source: int, target: int, size: int) -> int:
    try:
        return os.splice(source, target, size)
    except OSError as error:
        if error.errno != errno.EINVAL:  # procfs and the like cannot be spliced
            raise
    data = os.read(source, min(size, _COPY_BYTES))
    return os.write(target, data) if data else 0


def write(path: str, pipe: int, metadata: dict[str, str]) -> dict[str, Any]:
    """Replace a file's content by what comes through a pipe; folders on the way are made."""
    if os.path.isdir(path):  # noqa: PTH112
        raise Refused("invalid", f"{path} is a folder")
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC
    target = os.open(path, flags, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(target).st_mode):
            raise Refused("invalid", f"{path} is not a regular file")
        while _splice(pipe, target, _SPLICE_BYTES):
            pass
        for key, value in metadata.items():
            os.setxattr(target, _METADATA + key.lower(), value.encode())
    finally:
        os.close(target)
    return entry(path)
