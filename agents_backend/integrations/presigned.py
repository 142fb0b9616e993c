"""Sending a file to a presigned URL that a user gives: public addresses alone, no redirects, in passing."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

import httpx

from agents_backend.domain.errors import UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.addresses import CONNECT_SECONDS, PinnedTransport, Policy, check_url

SILENCE_SECONDS: Final = 60.0
_FIRST_NOT_OK = 300


class PresignedUrls:
    """Use it as an async context manager, one a process."""

    def __init__(self, policy: Policy, *, trust: ssl.SSLContext | None = None) -> None:
        self._policy = policy
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(policy, trust=trust),
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": "AgentsBackend/1.0"},
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def check(self, url: str) -> None:
        """Refuse a URL that can be refused without asking anybody.

        Raises:
            AddressRefused: it is not an absolute http(s) URL of a host that we may connect to.
        """
        check_url(url, self._policy)

    async def put(self, url: str, pieces: AsyncIterator[bytes], *, size: int, seconds: float) -> None:
        """PUT `size` bytes as they come.

        Raises:
            AddressRefused: the address is not public; nothing was sent. UpstreamFailed: it was not taken; what the other
            side says of it is not told. UpstreamTimeout: not in `seconds`.
        """
        with_timeout = asyncio.timeout(seconds)
        try:
            async with with_timeout:
                headers = {"Content-Length": str(size)}
                async with self._client.stream("PUT", url, content=pieces, headers=headers) as answer:
                    status = answer.status_code
        except TimeoutError as error:
            if not with_timeout.expired():
                raise
            raise UpstreamTimeout("The file was not taken in time.") from error
        except httpx.TimeoutException as error:
            raise UpstreamTimeout("The file was not taken in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamFailed("The file could not be sent.") from error
        if status >= _FIRST_NOT_OK:
            raise UpstreamFailed(f"The file was not taken: HTTP {status}.")
