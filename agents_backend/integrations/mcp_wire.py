"""The HTTP client of MCP connections: checked and pinned addresses, bounded answers, and why it failed.

The SDK speaks httpx2 and turns what goes wrong on the wire into errors of its protocol; here it is still known.
"""

import ssl
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

from agents_backend.domain.errors import AgentsError, TooLarge, UpstreamFailed, UpstreamRejected, UpstreamTimeout
from agents_backend.integrations.addresses import (
    CONNECT_SECONDS,
    Address,
    Policy,
    Resolve,
    Target,
    as_address,
    check_url,
    resolve,
    system_resolve,
)

MAX_ANSWER: Final = 25_000_000  # bytes of one answer; one that streams is one answer for each request
SIGN_IN_NEEDED: Final = "MCP_SIGN_IN_NEEDED"
_ERRORS, _SERVER_ERRORS = 400, 500
_NEEDS_SIGN_IN: Final = frozenset({401, 403})


class McpTransport(httpx2.AsyncBaseTransport):
    """For one connection to a user's server, its redirects and its authorization server.

    Attributes:
        failure: what went wrong on the wire last, or None.
    """

    def __init__(self, policy: Policy, *, trust: ssl.SSLContext, ask: Resolve = system_resolve) -> None:
        self._policy, self._ask = policy, ask
        self._inner = httpx2.AsyncHTTPTransport(
            verify=trust, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0)
        )
        self.failure: AgentsError | None = None
        self._has_answered = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send to an address that was checked.

        Raises:
            AddressRefused: before connecting. UpstreamFailed: no connection.
        """
        try:
            target = check_url(str(request.url), self._policy)
            response = await self._connect(request, target, await resolve(target, self._policy, self._ask))
        except AgentsError as error:
            self.failure = error
            raise
        except httpx2.TimeoutException:
            self.failure = UpstreamTimeout("The server did not answer in time.")
            raise
        except httpx2.TransportError as error:
            self.failure = UpstreamFailed(f"No connection to {target.host}:{target.port} could be made.")
            raise self.failure from error
        self._note(request.method, response.status_code)
        return _bounded(response)

    def _note(self, method: str, status: int) -> None:
        if status < _ERRORS:
            self.failure, self._has_answered = None, True
        elif method == "POST" or not self._has_answered:  # many servers have no stream of their own to GET
            self.failure = _refusal(status)

    async def _connect(self, request: httpx2.Request, target: Target, addresses: list[Address]) -> httpx2.Response:
        for address in addresses[:-1]:
            try:
                return await self._send(request, target, address)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):  # nothing was sent: the next address may do
                continue
        return await self._send(request, target, addresses[-1])

    async def _send(self, request: httpx2.Request, target: Target, address: Address) -> httpx2.Response:
        extensions = dict(request.extensions)
        if as_address(target.host) is None:
            extensions["sni_hostname"] = target.host
        pinned = httpx2.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,  # Host among them, as the URL has it
            stream=request.stream,
            extensions=extensions,
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _refusal(status: int) -> AgentsError:
    if status in _NEEDS_SIGN_IN:
        return UpstreamRejected(f"The server wants other credentials (HTTP {status}).", code=SIGN_IN_NEEDED)
    if status >= _SERVER_ERRORS:
        return UpstreamFailed(f"The server failed with HTTP {status}.")
    return UpstreamRejected(f"The server answered with HTTP {status}.")


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > MAX_ANSWER:
                raise TooLarge(f"The server answered with more than {MAX_ANSWER:,} bytes.")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


def _bounded(response: httpx2.Response) -> httpx2.Response:
    """The answer, of which no more is read than there may be; compression, which nobody asked for, could hide more."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UpstreamFailed("The server's answer came in an encoding that was not asked for.")
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)
    return response


def open_client(
    transport: McpTransport, *, headers: dict[str, str], auth: httpx2.Auth | None, seconds: float
) -> httpx2.AsyncClient:
    """A client for one connection; `seconds` is the longest silence."""
    return httpx2.AsyncClient(
        transport=transport,
        headers={"User-Agent": "AgentsBackend/1.0", "Accept-Encoding": "identity", **headers},
        auth=auth,
        timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )
