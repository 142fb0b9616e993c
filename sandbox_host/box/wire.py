"""Messages between host and box: one JSON object a datagram of a SOCK_SEQPACKET socket, with file descriptors beside it."""

import array
import json
import socket
from collections.abc import Sequence
from typing import Any

MAX_BYTES = 180_000  # a datagram must fit the socket's send buffer (net.core.wmem_default is 212,992)
MAX_FDS = 4


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def ancillary(fds: Sequence[int]) -> "list[tuple[int, int, array.array[int]]]":
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """One datagram and its descriptors (close-on-exec). Empty bytes: the other side is gone."""
    room = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)
    data, extra, _, _ = sock.recvmsg(MAX_BYTES + 1, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, value in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(value[: len(value) - len(value) % fds.itemsize])
    return data, list(fds)
