"""Watched folders, by inotify."""

import ctypes
import errno
import os
import struct
from typing import Any

from .files import Refused, entry

_CREATE, _DELETE, _DELETE_SELF = 0x100, 0x200, 0x400
_MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO = 0x2, 0x4, 0x40, 0x80
_ISDIR, _IGNORED, _ONLYDIR = 0x40000000, 0x8000, 0x01000000
_MASK = _CREATE | _DELETE | _DELETE_SELF | _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _ONLYDIR
_KINDS = {
    _CREATE: "create",
    _MOVED_TO: "create",
    _MODIFY: "write",
    _DELETE: "remove",
    _DELETE_SELF: "remove",
    _MOVED_FROM: "rename",
    _ATTRIB: "chmod",
}
_HEADER = struct.Struct("iIII")


class Watches:
    """One inotify descriptor for a watched tree; `read()` gives its events."""

    def __init__(self, path: str, *, recursive: bool, with_entry: bool) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._root, self._recursive, self._with_entry = path, recursive, with_entry
        self._folders: dict[int, str] = {}
        if not os.path.isdir(path):  # noqa: PTH112
            os.lstat(path)
            raise Refused("invalid", f"{path} is not a folder")
        self.fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify is not to be had")
        self._add(path)

    def close(self) -> None:
        os.close(self.fd)

    def _add(self, path: str) -> None:
        number = self._libc.inotify_add_watch(self.fd, os.fsencode(path), _MASK)
        if number < 0:
            if ctypes.get_errno() == errno.ENOSPC:
                raise Refused("busy", "too many watched folders")
            return  # it went away meanwhile
        self._folders[number] = path
        if self._recursive:
            try:
                with os.scandir(path) as found:
                    folders = [child.path for child in found if child.is_dir(follow_symlinks=False)]
            except OSError:
                return
            for folder in folders:
                self._add(folder)

    def read(self) -> list[dict[str, Any]]:
        """What happened since the last call: name relative to the root, kind, and the entry if asked for."""
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return []
        events, at = [], 0
        while at < len(data):
            number, mask, _, length = _HEADER.unpack_from(data, at)
            name = data[at + _HEADER.size : at + _HEADER.size + length].rstrip(b"\0")
            at += _HEADER.size + length
            events += self._events(number, mask, os.fsdecode(name))
        return events

    def _events(self, number: int, mask: int, name: str) -> list[dict[str, Any]]:
        folder = self._folders.get(number)
        if mask & _IGNORED:
            self._folders.pop(number, None)
        if folder is None:
            return []
        path = os.path.join(folder, name) if name else folder  # noqa: PTH118
        if self._recursive and mask & _ISDIR and mask & (_CREATE | _MOVED_TO):
            self._add(path)
        if mask & _DELETE_SELF and folder != self._root:
            return []  # its parent tells it
        kinds = [kind for bit, kind in _KINDS.items() if mask & bit]
        return [self._event(path, kind) for kind in kinds]

    def _event(self, path: str, kind: str) -> dict[str, Any]:
        event: dict[str, Any] = {"name": os.path.relpath(path, self._root), "kind": kind}
        if self._with_entry and kind not in {"remove", "rename"}:
            try:
                event["entry"] = entry(path)
            except OSError:
                return event
        return event
