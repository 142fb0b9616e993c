"""One request and its response, passed on to a program in a box over a connection of its own."""

import asyncio
import socket
from contextlib import suppress

import h11
from starlette.types import Receive, Scope, Send

from sandbox_host.views import problem

HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CHUNK = 1 << 16


class Exchange:
    """One request and its response over a connection of its own: `Connection: close`, so that bodies end where they end."""

    def __init__(self, connection: socket.socket, scope: Scope, receive: Receive, send: Send) -> None:
        self._connection, self._scope, self._receive, self._send = connection, scope, receive, send
        self._http = h11.Connection(h11.CLIENT)
        self._started = False

    async def run(self, headers: list[tuple[bytes, bytes]], query: bytes) -> None:
        reader, writer = await asyncio.open_connection(sock=self._connection)
        upload = asyncio.create_task(self._upload(writer, headers, query))
        try:
            await self._download(reader)
        except (OSError, h11.RemoteProtocolError, h11.LocalProtocolError):
            if not self._started:
                answer = problem(502, "the program on this port did not answer in HTTP")
                await answer(self._scope, self._receive, self._send)
        finally:
            upload.cancel()
            with suppress(asyncio.CancelledError):
                await upload
            writer.close()

    async def _upload(self, writer: asyncio.StreamWriter, headers: list[tuple[bytes, bytes]], query: bytes) -> None:
        """Pass the request on; a client that leaves, or makes no sense, closes the program's connection."""
        with suppress(OSError, h11.LocalProtocolError):
            await self._pass_request(writer, headers, query)
            while (await self._receive())["type"] != "http.disconnect":
                pass
        writer.close()

    async def _pass_request(
        self, writer: asyncio.StreamWriter, headers: list[tuple[bytes, bytes]], query: bytes
    ) -> None:
        path: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        request = h11.Request(
            method=self._scope["method"],
            target=path + (b"?" + query if query else b""),
            headers=[*headers, *self._framing(), (b"connection", b"close")],
        )
        self._write(writer, request)
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
            if body := message.get("body"):
                self._write(writer, h11.Data(data=body))
                await writer.drain()
            if not message.get("more_body"):
                break
        self._write(writer, h11.EndOfMessage())
        await writer.drain()

    def _framing(self) -> list[tuple[bytes, bytes]]:
        """What came in chunks goes on in chunks; the server before us has taken them apart."""
        chunked = any(name == b"transfer-encoding" for name, _ in self._scope["headers"])
        return [(b"transfer-encoding", b"chunked")] if chunked else []

    def _write(self, writer: asyncio.StreamWriter, event: h11.Event) -> None:
        if data := self._http.send(event):
            writer.write(data)

    async def _download(self, reader: asyncio.StreamReader) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Response):
                await self._begin(event)
            elif isinstance(event, h11.Data):
                await self._send({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
            elif isinstance(event, h11.EndOfMessage):
                await self._send({"type": "http.response.body", "body": b""})
                return
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("closed before it answered")

    async def _begin(self, event: h11.Response) -> None:
        headers = [(name, value) for name, value in event.headers if name.decode("latin-1") not in HOP]
        self._started = True
        await self._send({"type": "http.response.start", "status": event.status_code, "headers": headers})
