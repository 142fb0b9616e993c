"""A loopback HTTP server for fakes: one handler, raw bytes out, so that it can misbehave in every way that a vendor can."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(eq=False)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(eq=False)
class Server:
    """Counts its connections; closes each after one answer."""

    handler: Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    closed_early: int = 0
    port: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
            self.asked.append(asked)
            answer = asyncio.ensure_future(self.handler(asked, writer))
            gone = asyncio.ensure_future(reader.read(1))
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            self.closed_early += not answer.done()
            answer.cancel()
            gone.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)
        writer.close()


async def answer(
    writer: asyncio.StreamWriter,
    body: bytes | str = b"",
    *,
    status: int = 200,
    kind: str = "application/json",
    **headers: str,
) -> None:
    data = body.encode() if isinstance(body, str) else body
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [
        f"HTTP/1.1 {status} X",
        f"content-type: {kind}",
        f"content-length: {len(data)}",
        "connection: close",
        *lines,
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + data)
    await writer.drain()


async def start_stream(writer: asyncio.StreamWriter, kind: str = "text/event-stream") -> None:
    writer.write(
        f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".encode()
    )
    await writer.drain()


async def send(writer: asyncio.StreamWriter, data: str) -> None:
    raw = data.encode()
    writer.write(b"%x\r\n%b\r\n" % (len(raw), raw))
    await writer.drain()


async def end_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def misbehave(fault: str, writer: asyncio.StreamWriter) -> bool:
    """Carry out `401`, `429`, `500`, `malformed` or `hang`; False for anything else."""
    match fault:
        case "hang":
            await asyncio.sleep(3600)
        case "malformed":
            await answer(writer, "{not json")
        case "429":
            await answer(writer, '{"error": {"message": "secret-body"}}', status=429, retry_after="1")
        case status if status.isdigit():
            await answer(writer, '{"error": {"message": "secret-body"}}', status=int(status))
        case _:
            return False
    return True
