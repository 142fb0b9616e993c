"""Fetching what a user's URL leads to: public addresses alone, few redirects, bounded in size and time.

Every feature that is given a URL by a user comes through here, or through `addresses.PinnedTransport`.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Final, Self
from urllib.parse import urljoin

import httpx

from agents_backend.domain.errors import TooLarge, UnsupportedMedia, UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.addresses import (
    CONNECT_SECONDS,
    PinnedTransport,
    Policy,
    Resolve,
    check_url,
    system_resolve,
)

MAX_REDIRECTS: Final = 5
MAX_BYTES: Final = 5_000_000
TOTAL_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 10.0
READABLE: Final = frozenset(
    {
        *("text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/csv"),
        *("text/xml", "application/xml", "application/json", "application/ld+json"),
    }
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ERRORS = 400
_HEADERS = {"User-Agent": "AgentsBackend/1.0", "Accept": "*/*", "Accept-Encoding": "gzip"}
_PIECE = 65_536


@dataclass(frozen=True)
class Fetched:
    """What was at the end of the redirects.

    Attributes:
        url: the last hop's.
        media_type: lower case, without parameters; empty when the server named none.
        charset: as the server named it, or None.
    """

    url: str
    media_type: str
    charset: str | None
    content: bytes

    @property
    def text(self) -> str:
        try:
            return self.content.decode(self.charset or "utf-8", errors="replace")
        except LookupError:
            return self.content.decode("utf-8", errors="replace")


class Download:
    """An answer whose body is still to come; iterate it once for its bytes, decompressed."""

    def __init__(self, response: httpx.Response, *, max_bytes: int) -> None:
        self._response, self._max = response, max_bytes
        self.url = str(response.url)
        kind, _, _ = response.headers.get("content-type", "").partition(";")
        self.media_type: str = kind.strip().lower()
        self.charset = response.charset_encoding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes in pieces of at most 64 kB.

        Raises:
            TooLarge: there are more than the limit, counted after decompression.
        """
        size, inflate = 0, self._decoder()
        async for raw in self._response.aiter_raw():
            for piece in inflate(raw) if inflate else (raw,):
                size += len(piece)
                if size > self._max:
                    raise too_large(self._max)
                yield piece

    def _decoder(self) -> "_Inflate | None":
        match self._response.headers.get("content-encoding", "identity").strip().lower():
            case "identity" | "":
                return None
            case "gzip" | "x-gzip":
                return _Inflate(zlib.MAX_WBITS | 16)
            case _:
                raise UpstreamFailed("The page came in an encoding that was not asked for.")


class _Inflate:
    """Decompresses in bounded pieces, so that a small answer cannot fill the memory."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)

    def __call__(self, raw: bytes) -> Iterator[bytes]:
        try:
            while not self._stream.eof:
                piece = self._stream.decompress(raw, _PIECE)
                yield piece
                raw = self._stream.unconsumed_tail
                if not raw and len(piece) < _PIECE:
                    return
        except zlib.error:
            raise UpstreamFailed("The page is not compressed as it says.") from None


class Pages:
    """Use it as an async context manager, one a process."""

    def __init__(
        self, *, policy: Policy | None = None, ask: Resolve = system_resolve, trust: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy or Policy()
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(self._policy, ask=ask, trust=trust),
            headers=_HEADERS,
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one user's cookie is not the next one's
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int = MAX_BYTES,
        media_types: frozenset[str] | None = READABLE,
        seconds: float = TOTAL_SECONDS,
    ) -> Fetched:
        """The whole of a small thing; for a large one, `stream`.

        Raises:
            AddressRefused: the URL, or one that it redirects to, is not allowed.
            TooLarge: more than `max_bytes`. UnsupportedMedia: not of `media_types`.
            UpstreamFailed: no answer, or one with an HTTP status of 400 and above. UpstreamTimeout: not in `seconds`.
        """
        async with self.stream(url, max_bytes=max_bytes, media_types=media_types, seconds=seconds) as download:
            content = b"".join([piece async for piece in download])
        return Fetched(download.url, download.media_type, download.charset, content)

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        max_bytes: int,
        media_types: frozenset[str] | None = None,
        seconds: float = TOTAL_SECONDS,
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[Download]:
        """Open what the URL leads to; leaving the block closes the connection. `seconds` bounds the whole block.

        Raises:
            The same as `fetch`. No error says what the other side answered.
        """
        with_timeout = asyncio.timeout(seconds)
        try:
            async with with_timeout:
                response = await self._follow(url, headers or {})
                try:
                    yield _checked(response, max_bytes, media_types)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            if not with_timeout.expired():
                raise
            raise UpstreamTimeout("The page did not arrive in time.") from error
        except httpx.TimeoutException as error:
            raise UpstreamTimeout("The page did not arrive in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamFailed("The page could not be fetched.") from error

    async def _follow(self, url: str, headers: dict[str, str]) -> httpx.Response:
        for _ in range(MAX_REDIRECTS + 1):
            check_url(url, self._policy)
            response = await self._client.send(self._client.build_request("GET", url, headers=headers), stream=True)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or location is None:
                return response
            await response.aclose()
            url = urljoin(url, location)
        raise UpstreamFailed("The page redirects too often.")


def _checked(response: httpx.Response, max_bytes: int, media_types: frozenset[str] | None) -> Download:
    if response.status_code >= _ERRORS:
        raise UpstreamFailed(f"The page answered with HTTP {response.status_code}.")
    download = Download(response, max_bytes=max_bytes)
    if media_types is not None and download.media_type not in media_types:
        raise UnsupportedMedia("The page is not of a kind that can be read.")
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise too_large(max_bytes)
    return download


def too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The page is larger than {max_bytes:,} bytes.")
