"""A loopback HTTP server that records what it is sent. `/hold` answers when released, `/status/503` so, all else 200.

`answer_next` scripts the statuses of the next requests; `pages` are what HTML stands at a path.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeHttp:
    def __init__(self) -> None:
        self.received: list[Received] = []
        self.release = asyncio.Event()
        self.pages: dict[str, str] = {}
        self._statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_next(self, *statuses: int) -> None:
        self._statuses.extend(statuses)

    def at(self, path: str) -> list[Received]:
        return [item for item in self.received if item.path == path]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release.set()
        self._server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.received.append(Received(method, path, headers, body))
            if path.startswith("/hold"):
                await self.release.wait()
            writer.write(self._answer(path))
            await writer.drain()
        writer.close()

    def _answer(self, path: str) -> bytes:
        status = self._statuses.pop(0) if self._statuses else 200
        if path.startswith("/status/"):
            status = int(path.removeprefix("/status/"))
        location = "location: http://169.254.169.254/\r\n" if 300 <= status < 400 else ""
        kind, body = "application/json", b'{"secret-body": true}'
        if path in self.pages:
            kind, body = "text/html; charset=utf-8", self.pages[path].encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{location}connection: close\r\n"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
