"""Searching the web: Tavily, Brave or SearXNG behind one Protocol, each bounded in time, size and tries."""

import asyncio
import html
import json
import re
import ssl
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import httpx

from agents_backend.domain.errors import (
    Unavailable,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamTimeout,
)
from agents_backend.integrations.retry_after import seconds_of
from agents_backend.settings import VendorSettings

MAX_RESULTS: Final = 10
TRIES: Final = 3
PATIENCE_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 2_000_000
MAX_URL: Final = 2_000
_LIMITS = {"title": 300, "snippet": 1_500}
_TAG = re.compile(r"<[^>]*>")
_OK, _TOO_MANY, _SERVER_ERRORS = 200, 429, 500


@dataclass(frozen=True)
class Found:
    """One result; plain text, each part cut to a sensible length."""

    title: str
    url: str
    snippet: str


class Search(Protocol):
    @property
    def name(self) -> str: ...

    async def search(self, query: str, *, count: int) -> list[Found]:
        """The first `count` results (10 at most).

        Raises:
            UpstreamRejected: the key is wrong, or the query is refused. UpstreamOverloaded: HTTP 429, `retry_after` as it says.
            UpstreamFailed: HTTP 5xx, no connection, or an answer that is none. UpstreamTimeout: no answer in time.
        """


class Tavily:
    name = "tavily"

    def __init__(self, wire: "Wire", *, url: str, key: str) -> None:
        self._wire, self._url, self._key = wire, url.rstrip("/"), key

    async def search(self, query: str, *, count: int) -> list[Found]:
        request = self._wire.request(
            "POST",
            f"{self._url}/search",
            headers={"Authorization": f"Bearer {self._key}"},
            json={"query": query, "max_results": count},
        )
        return normalised(await self._wire.ask(request, self.name), ("results",), snippet="content", count=count)


class Brave:
    name = "brave"

    def __init__(self, wire: "Wire", *, url: str, key: str) -> None:
        self._wire, self._url, self._key = wire, url.rstrip("/"), key

    async def search(self, query: str, *, count: int) -> list[Found]:
        request = self._wire.request(
            "GET",
            f"{self._url}/res/v1/web/search",
            headers={"X-Subscription-Token": self._key},
            params={"q": query, "count": str(count)},
        )
        answer = await self._wire.ask(request, self.name)
        return normalised(answer, ("web", "results"), snippet="description", count=count)


class SearXNG:
    name = "searxng"

    def __init__(self, wire: "Wire", *, url: str) -> None:
        self._wire, self._url = wire, url.rstrip("/")

    async def search(self, query: str, *, count: int) -> list[Found]:
        request = self._wire.request("GET", f"{self._url}/search", params={"q": query, "format": "json"})
        return normalised(await self._wire.ask(request, self.name), ("results",), snippet="content", count=count)


class Wire:
    """One process's connections to the search vendor. Use it as an async context manager."""

    def __init__(self, *, answer_seconds: float = ANSWER_SECONDS, trust: ssl.SSLContext | None = None) -> None:
        self._seconds = answer_seconds
        timeout = httpx.Timeout(answer_seconds, connect=5)
        self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False, verify=trust or True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def request(self, method: str, url: str, **more: Any) -> httpx.Request:
        return self._client.build_request(method, url, **more)

    async def ask(self, request: httpx.Request, vendor: str) -> Any:
        """The JSON of the answer; what may heal at once is tried again, three times in all.

        Raises:
            The errors of `Search.search`.
        """
        for attempt in range(1, TRIES + 1):
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._once(request, vendor)
            except UpstreamRejected:
                raise
            except (Unavailable, TimeoutError) as error:
                failure = error if isinstance(error, Unavailable) else UpstreamTimeout(f"{vendor} did not answer.")
                wait = failure.retry_after if failure.retry_after is not None else 0.2 * 2**attempt
                if attempt == TRIES or wait > PATIENCE_SECONDS:
                    raise failure from error
            await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _once(self, request: httpx.Request, vendor: str) -> Any:
        try:
            async with AsyncExitStack() as stack:
                response = await self._client.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                _raise_for_status(response, vendor)
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise UpstreamFailed(f"The answer of {vendor} is too large.")
            return json.loads(body)
        except httpx.TimeoutException as error:
            raise UpstreamTimeout(f"{vendor} did not answer in time.") from error
        except (httpx.HTTPError, ValueError) as error:
            raise UpstreamFailed(f"{vendor} gave no usable answer.") from error


def _raise_for_status(response: httpx.Response, vendor: str) -> None:
    status = response.status_code
    if status == _OK:
        return
    if status == _TOO_MANY:
        seconds = seconds_of(response.headers.get("retry-after"))
        raise UpstreamOverloaded(f"{vendor} takes no more requests now.", retry_after=seconds)
    if status >= _SERVER_ERRORS:
        raise UpstreamFailed(f"{vendor} failed with HTTP {status}.")
    raise UpstreamRejected(f"{vendor} refused the request with HTTP {status}.")


def normalised(answer: Any, path: Iterable[str], *, snippet: str, count: int) -> list[Found]:
    """A vendor's list of results as ours; entries without an http(s) address are left out.

    Raises:
        UpstreamFailed: the answer is not of the vendor's documented form.
    """
    for key in path:
        answer = answer.get(key, [] if key == "results" else {}) if isinstance(answer, dict) else None
    if not isinstance(answer, list):
        raise UpstreamFailed("The search gave no usable answer.")
    found = []
    for entry in answer:
        url = str(entry.get("url", "")) if isinstance(entry, dict) else ""
        if url.startswith(("http://", "https://")) and len(url) <= MAX_URL:
            parts = {"title": entry.get("title"), "snippet": entry.get(snippet)}
            found.append(Found(url=url, **{name: _plain(text, _LIMITS[name]) for name, text in parts.items()}))
    return found[:count]


def _plain(text: Any, limit: int) -> str:
    """Text without markup and line breaks."""
    return " ".join(html.unescape(_TAG.sub("", str(text or ""))).split())[:limit]


def chosen(vendors: VendorSettings) -> str | None:
    """The provider of SEARCH_PROVIDER, else the first that is configured; None when none is."""
    configured = [
        name
        for name, value in (
            ("tavily", vendors.tavily_api_key),
            ("brave", vendors.brave_api_key),
            ("searxng", vendors.searxng_url),
        )
        if value
    ]
    wanted = vendors.search_provider
    return (wanted if wanted in configured else None) if wanted else next(iter(configured), None)


def missing(vendors: VendorSettings) -> str | None:
    """Why nothing can be searched, or None."""
    if chosen(vendors):
        return None
    if vendors.search_provider:
        return f"SEARCH_PROVIDER is {vendors.search_provider}, but its key or address is not set."
    return "No search provider is configured: set TAVILY_API_KEY, BRAVE_API_KEY or SEARXNG_URL."


def connect(vendors: VendorSettings, wire: Wire) -> Search | None:
    """The provider to use, or None."""
    match chosen(vendors):
        case "tavily" if vendors.tavily_api_key:
            return Tavily(wire, url=vendors.tavily_url, key=vendors.tavily_api_key.get_secret_value())
        case "brave" if vendors.brave_api_key:
            return Brave(wire, url=vendors.brave_url, key=vendors.brave_api_key.get_secret_value())
        case "searxng" if vendors.searxng_url:
            return SearXNG(wire, url=vendors.searxng_url)
        case _:
            return None
