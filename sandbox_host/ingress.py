"""The ports of a sandbox, reached from outside: HTTP and WebSocket, opened only with the sandbox's token.

A request says where it goes by its host (`{port}-{id}.<domain>`) or by the headers E2b-Sandbox-Id and E2b-Sandbox-Port. The token comes
as `E2b-Traffic-Access-Token`, `X-Access-Token`, or from a browser as the query parameter `e2b_token`, which becomes a cookie of that
one host and goes no further than here.
"""

import hmac
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake
from websockets.typing import Subprotocol

from sandbox_host.errors import BoxError
from sandbox_host.exchange import HOP, Exchange
from sandbox_host.records import Record
from sandbox_host.sandbox import Sandbox
from sandbox_host.views import problem
from sandbox_host.websockets_join import join

ENVD_PORT = 49983
TOKEN_PARAMETER = "e2b_token"  # noqa: S105  # a name
_COOKIE = "e2b_token"
_HOST = re.compile(r"^(\d{1,5})-([a-z0-9]+)$")
_MAX_PORT = 65535
_MESSAGE_BYTES = 16 << 20
_OURS = frozenset({"e2b-sandbox-id", "e2b-sandbox-port", "e2b-traffic-access-token", "x-access-token", "x-api-key"})
_NOT_PASSED = HOP | _OURS | {"host", "cookie"}
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
        if (text := name.decode("latin-1").lower()) not in _NOT_PASSED and text
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
    exchange = Exchange(connection, scope, receive, send)
    await exchange.run(_forwarded(scope, headers), _query(scope).encode("latin-1"))


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
        await join(client, server)
