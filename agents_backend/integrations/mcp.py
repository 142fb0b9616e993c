"""MCP's client: the official SDK, one connection for each piece of work, its errors as those of our tree.

A connection lasts as long as one listing or one call: workers come and go, and nothing of a call may depend on which one it is.
"""

import asyncio
import base64
import binascii
import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.auth import OAuthFlowError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

from agents_backend.domain.errors import AgentsError, Invalid, UpstreamFailed, UpstreamRejected, UpstreamTimeout
from agents_backend.domain.mcp import RemoteTool, ServerConfig, refuse_stdio
from agents_backend.integrations.addresses import Policy, Resolve, check_url, system_resolve
from agents_backend.integrations.mcp_auth import SignIn
from agents_backend.integrations.mcp_stdio import Start, spoken_by
from agents_backend.integrations.mcp_wire import MAX_ANSWER, McpTransport, open_client

LIST_SECONDS: Final = 20.0
MAX_TOOLS: Final = 500
MAX_SCHEMA: Final = 100_000  # bytes of all that describes one tool
_PAGES = 50
_NO_SUCH_METHOD = -32601


@dataclass(frozen=True)
class File:
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What a tool gave.

    Attributes:
        error: the tool itself says that it failed.
    """

    text: str
    error: bool = False
    files: tuple[File, ...] = ()


class McpClients:
    """Connects to the servers that users name."""

    def __init__(self, *, policy: Policy, trust: ssl.SSLContext, ask: Resolve = system_resolve) -> None:
        self._policy, self._trust, self._ask = policy, trust, ask
        # The SDK logs what servers answered, word for word; what matters of it is raised.
        logging.getLogger("mcp").setLevel(logging.CRITICAL)
        self._info = types.Implementation(name="agents-backend", version=version("agents-backend"))

    async def tools(
        self,
        config: ServerConfig,
        sign_in: SignIn | None = None,
        *,
        seconds: float = LIST_SECONDS,
        start: Start | None = None,
    ) -> list[RemoteTool]:
        """All tools of a server; `seconds` are for all of it, a person's consent included. `start` starts one of stdio.

        Raises:
            AddressRefused: its address is none that we connect to. UpstreamRejected: it, or who signs us in, refuses us.
            UpstreamFailed: it cannot be reached, or does not speak MCP. UpstreamTimeout: not in `seconds`.
        """
        async with self._connected(config, sign_in, seconds, start) as client:
            found: list[RemoteTool] = []
            cursor = None
            for _ in range(_PAGES):
                page = await client.list_tools(cursor=cursor)
                found += [_described(tool) for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None or len(found) > MAX_TOOLS:
                    break
        if len(found) > MAX_TOOLS:
            raise UpstreamRejected(f"The server has more than {MAX_TOOLS} tools.")
        return found

    async def call(
        self,
        config: ServerConfig,
        name: str,
        arguments: Mapping[str, Any],
        sign_in: SignIn | None = None,
        *,
        start: Start | None = None,
    ) -> Answer:
        """Call a tool; whoever is cancelled meanwhile has told the server so.

        Raises:
            Invalid: the server refuses the call itself. The others as `tools`, in the config's `timeout_seconds`.
        """
        async with self._connected(config, sign_in, config.timeout_seconds, start) as client:
            try:
                return _answer(await client.call_tool(name, dict(arguments)))
            except ValidationError as error:
                raise UpstreamFailed("The server's answer is not as MCP has it.") from error
            except RuntimeError as error:  # the SDK's word for a result that does not fit the tool's own output schema
                raise UpstreamFailed("The tool's result is not as the tool describes it.") from error

    @asynccontextmanager
    async def _connected(
        self, config: ServerConfig, sign_in: SignIn | None, seconds: float, start: Start | None
    ) -> AsyncIterator[Client]:
        transport = McpTransport(self._policy, trust=self._trust, ask=self._ask)
        if start is None:
            refuse_stdio(config.transport)
            check_url(config.url, self._policy)
        limit = asyncio.timeout(seconds)
        try:
            async with limit, transport:
                auth = await sign_in.auth(config) if sign_in else None
                opened = spoken_by(start) if start else self._opened(config, transport, auth, seconds)
                client = Client(opened, client_info=self._info, cache=None)
                async with client:
                    yield client
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise UpstreamTimeout(f"The server did not answer in {seconds:g} seconds.") from error
        except BaseExceptionGroup as group:
            if limit.expired():
                raise UpstreamTimeout(f"The server did not answer in {seconds:g} seconds.") from group
            raise _failure(_first(group), transport) from group
        except (MCPError, OAuthFlowError, httpx2.HTTPError, ValidationError, ValueError, OSError) as error:
            raise _failure(error, transport) from error

    def _opened(
        self, config: ServerConfig, transport: McpTransport, auth: httpx2.Auth | None, seconds: float
    ) -> AbstractAsyncContextManager[Any]:
        """The SDK's transport over ours."""
        headers = dict(config.headers)
        if config.transport == "sse":

            def factory(
                headers: dict[str, str] | None = None,
                timeout: httpx2.Timeout | None = None,  # noqa: ARG001  # ours bounds the whole
                auth: httpx2.Auth | None = None,
            ) -> httpx2.AsyncClient:
                return open_client(transport, headers=headers or {}, auth=auth, seconds=seconds)

            return sse_client(config.url, headers=headers, auth=auth, httpx_client_factory=factory)
        http = open_client(transport, headers=headers, auth=auth, seconds=seconds)
        return streamable_http_client(config.url, http_client=http, max_sse_event_size=MAX_ANSWER)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the others; a cancel of our own goes before all."""
    flat: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
        else:
            flat.append(error)
    return next((error for error in flat if isinstance(error, asyncio.CancelledError)), flat[0])


def _failure(error: BaseException, transport: McpTransport) -> BaseException:
    """The error of our tree; what the server wrote is left out of it, but for the words of a JSON-RPC error."""
    if isinstance(error, AgentsError) or not isinstance(error, Exception):
        return error
    if transport.failure is not None:
        return transport.failure
    if isinstance(error, OAuthFlowError):
        return UpstreamRejected("The server wants a sign-in, and that failed.")
    if isinstance(error, MCPError):
        if error.code == _NO_SUCH_METHOD:
            return UpstreamFailed("The server does not answer as an MCP server with tools does.")
        return Invalid(f"The server refused: {_line(error.message)}", code="MCP_REFUSED")
    return UpstreamFailed("The server does not answer as an MCP server does.")


def _line(text: str) -> str:
    """A server's words as one short line that can be stored."""
    return " ".join(text.replace("\x00", "").encode(errors="replace").decode().split())[:500]


def _described(tool: types.Tool) -> RemoteTool:
    description = tool.description or tool.title or ""
    try:
        whole = json.dumps([tool.name, description, tool.input_schema], ensure_ascii=False, allow_nan=False)
        size = len(whole.encode())
    except (ValueError, RecursionError):
        size = 0
    # PostgreSQL takes no NUL and no half of a character, and a model no NaN.
    if not 0 < size <= MAX_SCHEMA or "\\u0000" in whole:
        raise UpstreamRejected(f"The description of the tool {_line(tool.name)[:64]} is too long, or is no valid text.")
    hints = tool.annotations
    repeatable = bool(hints and (hints.read_only_hint or hints.idempotent_hint))
    return RemoteTool(tool.name, description, tool.input_schema, repeatable)


def _answer(result: types.CallToolResult) -> Answer:
    """The result in words and files; structured content alone becomes JSON."""
    texts: list[str] = []
    files: list[File] = []
    for block in result.content:
        match block:
            case types.TextContent(text=text):
                texts.append(text)
            case types.ImageContent(data=data, mime_type=kind) | types.AudioContent(data=data, mime_type=kind):
                files.append(File(kind, _bytes(data)))
            case types.EmbeddedResource(resource=types.TextResourceContents(text=text)):
                texts.append(text)
            case types.EmbeddedResource(resource=types.BlobResourceContents(blob=data, mime_type=kind)):
                files.append(File(kind or "application/octet-stream", _bytes(data)))
            case types.ResourceLink(uri=uri, name=name):
                texts.append(f"{name}: {uri}")
    if not texts and result.structured_content is not None:
        texts.append(json.dumps(result.structured_content, ensure_ascii=False))
    return Answer("\n\n".join(texts), error=result.is_error, files=tuple(files))


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise UpstreamFailed("A file in the server's answer is not base64.") from None
