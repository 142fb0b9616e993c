"""The ports of a sandbox, reached from outside: HTTP and WebSocket, opened only with the sandbox's token.

A request says where it goes by its host (`{port}-{id}.<domain>`) or by the headers E2b-Sandbox-Id and E2b-Sandbox-Port. The token comes
as `E2b-Traffic-Access-Token`, `X-Access-Token`, or from a browser as the query parameter `e2b_token`, which becomes a cookie of that
one host and goes no further than here.
"""

import asyncio
import hmac
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

import h11
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from sandbox_host.control import problem
from sandbox_host.errors import BoxError
from sandbox_host.records import Record
from sandbox_host.sandbox import Sandbox

ENVD_PORT = 49983
TOKEN_PARAMETER = "e2b_token"  # noqa: S105  # a name
_COOKIE = "e2b_token"
_HOST = re.compile(r"^(\d{1,5})-([a-z0-9]+)$")
_MAX_PORT = 65535
_CHUNK = 1 << 16
_MESSAGE_BYTES = 16 << 20
_OURS = frozenset({"e2b-sandbox-id", "e2b-sandbox-port", "e2b-traffic-access-token", "x-access-token", "x-api-key"})
_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "cookie",
    }
)
_HANDSHAKE = frozenset(
    {
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "content-length",
    }
)


@dataclass(frozen=True)
class Target:
    sandbox_id: str
    port: int


def target(headers: Mapping[str, str], domain: str) -> Target | None:
    """Where a request goes; None when it is for the control plane."""
    named, port = headers.get("e2b-sandbox-id"), headers.get("e2b-sandbox-port", str(ENVD_PORT))
    if named is None:
        host = headers.get("host", "").partition(":")[0].lower()
        label, _, rest = host.partition(".")
        found = _HOST.match(label)
        if found is None or rest != domain.partition(":")[0].lower():
            return None
        port, named = found.groups()
    if not port.isdecimal() or not 1 <= int(port) <= _MAX_PORT:
        return Target(named, 0)
    return Target(named, int(port))


def _token(scope: Scope, headers: Mapping[str, str]) -> tuple[str | None, bool]:
    """The token that a request carries, and whether it came in the address."""
    for name in ("e2b-traffic-access-token", "x-access-token"):
        if name in headers:
            return headers[name], False
    for name, value in parse_qsl(scope.get("query_string", b"").decode("latin-1")):
        if name == TOKEN_PARAMETER:
            return value, True
    return _cookies(headers).get(_COOKIE), False


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _opens(record: Record, given: str | None) -> bool:
    if record.public_ports:
        return True
    tokens = (record.traffic_token, record.envd_token)
    return given is not None and any(hmac.compare_digest(given.encode(), token.encode()) for token in tokens)


def _query(scope: Scope) -> str:
    """The query without our token, otherwise as it came."""
    raw: str = scope.get("query_string", b"").decode("latin-1")
    kept = [part for part in raw.split("&") if part.partition("=")[0] != TOKEN_PARAMETER]
    return "&".join(kept)


def _forwarded(scope: Scope, headers: Headers) -> list[tuple[bytes, bytes]]:
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if (text := name.decode("latin-1").lower()) not in _HOP | _OURS and text
    ]
    cookies = {name: value for name, value in _cookies(headers).items() if name != _COOKIE}
    if cookies:
        kept.append((b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode("latin-1")))
    host = headers.get("host", "localhost")
    return [(b"host", host.encode("latin-1")), *kept, (b"x-forwarded-host", host.encode("latin-1"))]


async def http(sandbox: Sandbox, port: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass one request to a port of a sandbox."""
    headers = Headers(scope=scope)
    given, in_address = _token(scope, headers)
    if not _opens(sandbox.record, given):
        await problem(403, "this port opens with the sandbox's access token alone")(scope, receive, send)
        return
    if in_address and scope["method"] == "GET":
        await _to_cookie(scope, str(given))(scope, receive, send)
        return
    connection = await _dial(sandbox, port)
    if connection is None:
        await closed_port(sandbox.id, port)(scope, receive, send)
        return
    await _Exchange(connection, scope, receive, send).run(_forwarded(scope, headers))


def _to_cookie(scope: Scope, given: str) -> RedirectResponse:
    query = _query(scope)
    response = RedirectResponse(scope["path"] + (f"?{query}" if query else ""), 303)
    response.set_cookie(_COOKIE, given, httponly=True, samesite="lax")
    response.headers["referrer-policy"] = "no-referrer"
    return response


async def _dial(sandbox: Sandbox, port: int) -> socket.socket | None:
    try:
        await sandbox.service_ready(port)
        return await sandbox.jail.dial(port)
    except BoxError:
        return None


def closed_port(sandbox_id: str, port: int) -> Response:
    return problem(502, "the sandbox is running but port is not open", sandboxId=sandbox_id, port=port)


class _Exchange:
    """One request and its response over a connection of its own: `Connection: close`, so that bodies end where they end."""

    def __init__(self, connection: socket.socket, scope: Scope, receive: Receive, send: Send) -> None:
        self._connection, self._scope, self._receive, self._send = connection, scope, receive, send
        self._http = h11.Connection(h11.CLIENT)
        self._started = False

    async def run(self, headers: list[tuple[bytes, bytes]]) -> None:
        reader, writer = await asyncio.open_connection(sock=self._connection)
        upload = asyncio.create_task(self._upload(writer, headers))
        try:
            await self._download(reader)
        except (OSError, h11.RemoteProtocolError, h11.LocalProtocolError):
            if not self._started:
                answer = problem(502, "the program on this port did not answer in HTTP")
                await answer(self._scope, self._receive, self._send)
        finally:
            upload.cancel()
            with suppress(asyncio.CancelledError, OSError, h11.LocalProtocolError):
                await upload
            writer.close()

    async def _upload(self, writer: asyncio.StreamWriter, headers: list[tuple[bytes, bytes]]) -> None:
        query = _query(self._scope).encode("latin-1")
        path: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        request = h11.Request(
            method=self._scope["method"],
            target=path + (b"?" + query if query else b""),
            headers=[*_framed(headers, self._scope["method"]), (b"connection", b"close")],
        )
        self._write(writer, request)
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                writer.close()
                return
            if body := message.get("body"):
                self._write(writer, h11.Data(data=body))
                await writer.drain()
            if not message.get("more_body"):
                break
        self._write(writer, h11.EndOfMessage())
        await writer.drain()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        writer.close()  # the client left: the program is told

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
        headers = [(name, value) for name, value in event.headers if name.decode("latin-1") not in _HOP - {"cookie"}]
        self._started = True
        await self._send({"type": "http.response.start", "status": event.status_code, "headers": headers})


def _framed(headers: list[tuple[bytes, bytes]], method: str) -> list[tuple[bytes, bytes]]:
    """A body without a length goes in chunks."""
    has_length = any(name == b"content-length" for name, _ in headers)
    if has_length or method in {"GET", "HEAD", "OPTIONS", "DELETE"}:
        return headers
    return [*headers, (b"transfer-encoding", b"chunked")]


async def websocket(sandbox: Sandbox, port: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Join a WebSocket to one that a program in the sandbox serves."""
    client = WebSocket(scope, receive, send)
    headers = Headers(scope=scope)
    given, _ = _token(scope, headers)
    connection = await _dial(sandbox, port) if _opens(sandbox.record, given) else None
    if connection is None:
        await client.close(1008)
        return
    query = _query(scope)
    kept = _forwarded(scope, headers)
    try:
        server = await connect(
            f"ws://{headers.get('host', 'localhost')}{scope['path']}" + (f"?{query}" if query else ""),
            sock=connection,
            proxy=None,
            compression=None,
            max_size=_MESSAGE_BYTES,
            subprotocols=[Subprotocol(name) for name in scope.get("subprotocols", [])] or None,
            additional_headers=[
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in kept
                if name.decode("latin-1") not in _HANDSHAKE | {"host"}
            ],
            user_agent_header=None,
        )
    except (OSError, InvalidHandshake, TimeoutError):
        connection.close()
        await client.close(1011)
        return
    async with server:
        await client.accept(server.subprotocol)
        await _join(client, server)


async def _join(client: WebSocket, server: ClientConnection) -> None:
    async def outwards() -> None:
        async for message in server:
            if isinstance(message, str):
                await client.send_text(message)
            else:
                await client.send_bytes(message)
        await client.close(server.close_code or 1000)

    async def inwards() -> None:
        while True:
            message = await client.receive()
            if message["type"] == "websocket.disconnect":
                await server.close(message.get("code") or 1000)
                return
            if message.get("text") is not None:
                await server.send(message["text"])
            else:
                await server.send(message.get("bytes") or b"")

    tasks = [asyncio.create_task(outwards()), asyncio.create_task(inwards())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, ConnectionClosed, WebSocketDisconnect, RuntimeError):
            await task
