"""The host's side of the socket to a box's agent. Whatever comes from a box is untrusted: what does not parse ends the box."""

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

from sandbox_host.box import wire
from sandbox_host.errors import BoxError, BoxGone, Invalid

_BATCH = 64  # messages read before other sandboxes get their turn
_MAX_WAITING = 5_000
_CODES = frozenset({"not_found", "exists", "denied", "no_space", "busy", "invalid"})


class Call:
    """One request that waits for its answer; `part()` gives what comes before it. Use it as a context manager."""

    def __init__(self, calls: dict[int, "Call"], number: int) -> None:
        self._calls, self._number = calls, number
        self._messages: asyncio.Queue[tuple[dict[str, Any], list[int]] | None] = asyncio.Queue()
        calls[number] = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.pop(self._number, None)
        while not self._messages.empty():
            if message := self._messages.get_nowait():
                close_all(message[1])

    def deliver(self, message: dict[str, Any], fds: list[int]) -> None:
        if self._messages.qsize() >= _MAX_WAITING:
            raise ValueError("a box that sends more than anybody can read")
        self._messages.put_nowait((message, fds))

    def lose(self) -> None:
        self._messages.put_nowait(None)

    async def part(self) -> Any | None:
        """The next part, or None when the answer is next.

        Raises:
            BoxError: the box refused, or went away.
        """
        message, fds = await self._next()
        if "part" in message:
            close_all(fds)
            return message["part"]
        self._messages.put_nowait((message, fds))
        return None

    async def answer(self) -> tuple[dict[str, Any], list[int]]:
        """The answer and the descriptors that came with it, which are now the caller's.

        Raises:
            BoxError: the box refused, or went away.
        """
        while True:
            message, fds = await self._next()
            if isinstance(message.get("ok"), dict):
                return message["ok"], fds
            close_all(fds)

    async def _next(self) -> tuple[dict[str, Any], list[int]]:
        got = await self._messages.get()
        if got is None:
            self._messages.put_nowait(None)
            raise BoxGone
        message, fds = got
        if (error := message.get("error")) is not None:
            close_all(fds)
            code, text = (str(part) for part in error)
            raise BoxError(code if code in _CODES else "invalid", text)
        return message, fds


class AgentLink:
    """Calls and events over one SOCK_SEQPACKET socket.

    `on_event` gets each event of the agent; `on_close` is called once, when the agent is gone or made no sense.
    """

    def __init__(
        self, sock: socket.socket, on_event: Callable[[dict[str, Any]], None], on_close: Callable[[], None]
    ) -> None:
        sock.setblocking(False)  # noqa: FBT003
        self._sock, self._on_event, self._on_close = sock, on_event, on_close
        self._calls: dict[int, Call] = {}
        self._number = 0
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._receive)

    def call(self, op: str, *, fds: Sequence[int] = (), **arguments: Any) -> Call:
        """Send a request. The descriptors are taken over: they are closed here when they are sent.

        Raises:
            BoxGone: the agent is gone.
            Invalid: the request does not fit a message.
        """
        self._number += 1
        data = wire.encode({"id": self._number, "op": op, **arguments})
        if self._closed or len(data) > wire.MAX_BYTES:
            close_all(fds)
            raise BoxGone if self._closed else Invalid("the request is too long")
        call = Call(self._calls, self._number)
        self._unsent.append((data, list(fds)))
        self._send()
        return call

    async def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for an answer without descriptors."""
        with self.call(op, **arguments) as call:
            answer, fds = await call.answer()
        close_all(fds)
        return answer

    def _send(self) -> None:
        while self._unsent and not self._closed:
            data, fds = self._unsent[0]
            try:
                self._sock.sendmsg([data], wire.ancillary(fds))
            except BlockingIOError:
                self._loop.add_writer(self._sock.fileno(), self._send)
                return
            except OSError:
                self.close()
                return
            self._unsent.popleft()
            close_all(fds)
        if not self._closed:
            self._loop.remove_writer(self._sock.fileno())

    def _receive(self) -> None:
        for _ in range(_BATCH):
            try:
                data, fds = wire.receive(self._sock)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data or not self._understood(data, fds):
                self.close()
                return

    def _understood(self, data: bytes, fds: list[int]) -> bool:
        try:
            message = json.loads(data)
            if "event" in message:
                close_all(fds)
                self._on_event(message)
            elif call := self._calls.get(message["id"]):
                call.deliver(message, fds)
            else:
                close_all(fds)  # its caller went away
        except (ValueError, TypeError, KeyError, AttributeError):
            close_all(fds)
            return False
        return True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for _, fds in self._unsent:
            close_all(fds)
        self._unsent.clear()
        for call in list(self._calls.values()):
            call.lose()
        self._on_close()


def close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        with suppress(OSError):
            os.close(fd)
