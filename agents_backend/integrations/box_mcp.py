"""The MCP server in a sandbox, spoken to by the official SDK through the sandbox's own ingress."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolRequest, CallToolRequestParams, CallToolResult, RequestParamsMeta, TextContent
from pydantic import ValidationError

from agents_backend.domain.errors import (
    AgentsError,
    Invalid,
    SandboxFailed,
    SandboxGone,
    SandboxTimeout,
    SandboxUnavailable,
    TooLarge,
)
from agents_backend.integrations.sandboxes import Endpoint

# What the server in the box understands, in a request's and a tool's `_meta` (its `calls.py` and `sightings.py`).
CALL_ID: Final = "agents-backend/call-id"
ONCE: Final = "agents-backend/once"
READER: Final = "agents-backend/reader"
CONNECT_SECONDS: Final = 5.0
MAX_ANSWER: Final = 8_000_000
MAX_TOOLS: Final = 200
_ERRORS = 400
_NOT_FOUND = b"not found"


@dataclass(frozen=True)
class BoxTool:
    """A tool as the server describes it; `once` says that it understands a call's id."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    once: bool


@dataclass(frozen=True)
class BoxAnswer:
    text: str
    error: bool
    data: Mapping[str, Any]


class BoxMcp:
    """One a process: connections are shared, each call is a client of its own."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._pool = httpx2.AsyncHTTPTransport(verify=trust, limits=httpx2.Limits(keepalive_expiry=30))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def tools(self, server: Endpoint, *, seconds: float) -> list[BoxTool]:
        """What the server offers.

        Raises:
            SandboxGone: the sandbox is not there, or is paused. SandboxUnavailable, SandboxTimeout, SandboxFailed.
        """
        async with self._client(server, seconds) as client:
            found = (await client.list_tools()).tools[:MAX_TOOLS]
        return [
            BoxTool(tool.name, tool.description or "", tool.input_schema, bool((tool.meta or {}).get(ONCE)))
            for tool in found
        ]

    async def call(
        self,
        server: Endpoint,
        name: str,
        arguments: Mapping[str, Any],
        *,
        call_id: str,
        seconds: float,
        reader: str = "",
    ) -> BoxAnswer:
        """Call a tool. With the same `call_id` it is carried out once, and gives the same answer again; `reader` says who sees what it shows.

        Raises:
            Invalid: the server refuses the request. The errors of `tools` as well.
        """
        meta = cast(
            "RequestParamsMeta", {CALL_ID: call_id, READER: reader}
        )  # the protocol leaves room for keys of one's own
        params = CallToolRequestParams(name=name, arguments=dict(arguments), _meta=meta)
        async with self._client(server, seconds) as client:
            # `call_tool` would list the tools anew to check the answer's shape; a model is told its text alone.
            answer = await client.session.send_request(
                CallToolRequest(params=params), CallToolResult, request_read_timeout_seconds=seconds
            )
        return _read(answer)

    @asynccontextmanager
    async def _client(self, server: Endpoint, seconds: float) -> AsyncIterator[Client]:
        wire = _Wire(self._pool)
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        http = httpx2.AsyncClient(transport=wire, headers=dict(server.headers), timeout=timeout, trust_env=False)
        try:
            async with (
                asyncio.timeout(seconds),
                http,
                Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
            ):
                yield client
        except (MCPError, httpx2.HTTPError, OSError, ValidationError, ExceptionGroup) as error:
            raise wire.failure or _told(error) from error


class _Wire(httpx2.AsyncBaseTransport):
    """The pool as one client sees it, which that client's end does not close.

    Attributes:
        failure: what went wrong on the wire last, which the SDK makes an error of its protocol.
    """

    def __init__(self, pool: httpx2.AsyncHTTPTransport) -> None:
        self._pool = pool
        self.failure: AgentsError | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.failure = None
        try:
            response = await self._pool.handle_async_request(request)
            if response.status_code >= _ERRORS:
                self.failure = _refusal(response.status_code, await response.aread())
        except httpx2.TimeoutException:
            self.failure = SandboxTimeout(retry_after=5)
            raise
        except httpx2.TransportError:
            self.failure = SandboxUnavailable(retry_after=5)
            raise
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Watched(response.stream, self)
        return response


class _Watched(httpx2.AsyncByteStream):
    """An answer, of which no more is read than there may be, and whose breaking off is noticed."""

    def __init__(self, inner: httpx2.AsyncByteStream, wire: _Wire) -> None:
        self._inner, self._wire = inner, wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._inner:
                size += len(piece)
                if size > MAX_ANSWER:
                    self._wire.failure = TooLarge(f"The sandbox answered with more than {MAX_ANSWER:,} bytes.")
                    raise self._wire.failure
                yield piece
        except httpx2.TransportError:
            self._wire.failure = SandboxUnavailable(retry_after=5)
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()


def _refusal(status: int, body: bytes) -> AgentsError | None:
    """What an ingress says: E2B's tells a sandbox that is not there by a 502, our host's a port that is closed too."""
    if status in {httpx2.codes.BAD_GATEWAY, httpx2.codes.NOT_FOUND} and _NOT_FOUND in body.lower():
        return SandboxGone()
    if status in {httpx2.codes.BAD_GATEWAY, httpx2.codes.SERVICE_UNAVAILABLE, httpx2.codes.GATEWAY_TIMEOUT}:
        return SandboxUnavailable("The sandbox's own server does not answer.", retry_after=5)
    return None


def _told(error: Exception) -> AgentsError:
    """The error of the tree for one of the SDK's that came by no fault of the wire."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return SandboxTimeout(retry_after=5)
    if isinstance(error, AgentsError):
        return error
    if isinstance(error, MCPError) and error.code in _REFUSALS:
        return Invalid(f"The sandbox's server refuses this: {error.message}"[:300])
    return SandboxFailed("The sandbox's own server does not answer as it should.", retry_after=5)


_REFUSALS = frozenset({-32600, -32601, -32602})  # JSON-RPC's: invalid request, no such method, invalid params


def _read(answer: CallToolResult) -> BoxAnswer:
    parts = [part.text if isinstance(part, TextContent) else f"[{part.type}]" for part in answer.content]
    return BoxAnswer("\n".join(parts), bool(answer.is_error), answer.structured_content or {})
