"""Requests to where a user says: public addresses alone, no redirects, bounded in size and time, signed."""

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Final, Self

import httpx

from agents_backend.domain.errors import TooLarge, UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.addresses import CONNECT_SECONDS, PinnedTransport, Policy, Resolve, system_resolve

_HEADERS: Final = {"User-Agent": "AgentsBackend/1.0", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Reply:
    """What was answered. `media_type` is in lower case, without parameters."""

    status: int
    media_type: str
    content: bytes


class Outgoing:
    """Use it as an async context manager, one a process."""

    def __init__(self, *, policy: Policy | None = None, ask: Resolve = system_resolve) -> None:
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(policy or Policy(), ask=ask),
            headers=_HEADERS,
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

    async def send(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes, max_bytes: int, seconds: float
    ) -> Reply:
        """Send and read the whole answer, whatever its status.

        Raises:
            AddressRefused: before connecting. TooLarge: more than `max_bytes` were answered.
            UpstreamFailed: no answer. UpstreamTimeout: not in `seconds`. No error says what the other side answered.
        """
        try:
            async with asyncio.timeout(seconds):
                timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
                request = self._client.build_request(method, url, headers=headers, content=content, timeout=timeout)
                response = await self._client.send(request, stream=True)
                try:
                    return await _read(response, max_bytes)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UpstreamTimeout("The address did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamFailed("The address could not be reached.") from error


async def _read(response: httpx.Response, max_bytes: int) -> Reply:
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(f"The answer is larger than {max_bytes:,} bytes.")
        pieces.append(piece)
    kind, _, _ = response.headers.get("content-type", "").partition(";")
    return Reply(response.status_code, kind.strip().lower(), b"".join(pieces))


def derive_secret(key: str, purpose: str) -> str:
    """A secret of its own for each purpose, in the form of Standard Webhooks (`whsec_` and base64)."""
    return "whsec_" + base64.b64encode(hmac.digest(key.encode(), purpose.encode(), hashlib.sha256)).decode()


def signature(secret: str, message_id: str, at: datetime, content: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: id, time, and HMAC-SHA256 over `id.time.content`."""
    stamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), stamp.encode(), content))
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    value = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": value}
