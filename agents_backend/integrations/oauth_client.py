"""How we speak to an OAuth provider: Authlib's client, with times, tries and errors of our tree.

A code works once, so its exchange is tried again only where no connection was made; reads are tried three times.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from agents_backend.domain.errors import (
    AgentsError,
    Invalid,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamTimeout,
)
from agents_backend.integrations.oauth_flows import Ticket

TRIES: Final = 3
_TOO_MANY, _SERVER_ERRORS, _OK = 429, 500, 200
# What a provider says of a code that was used, has expired, or was meant for somebody else; the second word is GitHub's.
_OF_THE_CODE = frozenset({"invalid_grant", "bad_verification_code"})
_JSON = {"Accept": "application/json"}
_WORD = re.compile(r"[a-z_]{1,64}")
_log = structlog.get_logger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Client:
    """How this deployment is known to a provider, and where that speaks OAuth."""

    title: str
    client_id: str
    secret: str = field(repr=False)
    scope: str
    authorize_url: str
    token_url: str
    seconds: float
    trust: ssl.SSLContext

    def open(self, redirect_uri: str) -> Any:
        """Authlib's client, for one flow: it keeps the token that it fetched."""
        made = AsyncOAuth2Client(
            self.client_id,
            self.secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106  # the one way that both document
            scope=self.scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            leeway=0,  # it is used at once
            timeout=httpx2.Timeout(self.seconds),
            verify=self.trust,
            follow_redirects=False,
        )
        made.register_compliance_hook("access_token_response", self._fit)
        return made

    def _fit(self, answer: httpx2.Response) -> httpx2.Response:
        # What is left to Authlib are the errors that OAuth knows, which come with HTTP 200 or 400.
        if answer.status_code == _TOO_MANY or answer.status_code >= _SERVER_ERRORS:
            _raise_for_status(answer, self.title)
        return answer

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """All requests of one sign-in together take three times what one may."""
        try:
            async with asyncio.timeout(self.seconds * 3):
                yield
        except TimeoutError:
            raise UpstreamTimeout(f"{self.title} did not answer in time.") from None

    def url(self, ticket: Ticket, redirect_uri: str, **more: str) -> str:
        made = self.open(redirect_uri).create_authorization_url(
            self.authorize_url, state=ticket.state, code_verifier=ticket.verifier, **more
        )
        return str(made[0])

    async def exchange(self, session: Any, code: str, ticket: Ticket) -> dict[str, Any]:
        """The provider's tokens for a code."""

        async def fetch() -> dict[str, Any]:
            # A code is for one use: once the request has left, a second one could only be refused.
            for attempt in range(1, TRIES + 1):
                try:
                    return dict(await session.fetch_token(self.token_url, code=code, code_verifier=ticket.verifier))
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    if attempt == TRIES:
                        raise
                    await asyncio.sleep(_pause(attempt))
            raise AssertionError("the last try returns or raises")

        tokens = await self._bounded(fetch)
        if not tokens.get("access_token"):
            raise UpstreamFailed(f"{self.title} gave no usable answer.")
        return tokens

    async def read(self, session: Any, url: str, *, signed: bool = True) -> Any:
        """The JSON of a GET; `signed` sends the access token that was fetched."""

        async def get() -> Any:
            answer = await session.request("GET", url, withhold_token=not signed, headers=_JSON)
            _raise_for_status(answer, self.title)
            return answer.json()

        for attempt in range(1, TRIES + 1):
            try:
                return await self._bounded(get)
            except (UpstreamFailed, UpstreamTimeout) as error:
                if attempt == TRIES or isinstance(error, UpstreamRejected):
                    raise
            await asyncio.sleep(_pause(attempt))
        raise AssertionError("the last try returns or raises")

    async def _bounded(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """What the work gives within its time, its failures as errors of the tree; none of them holds a code or a token."""
        try:
            async with asyncio.timeout(self.seconds):
                return await work()
        except OAuthError as error:
            raise self._refused(error) from None
        except (TimeoutError, httpx2.TimeoutException):
            raise UpstreamTimeout(f"{self.title} did not answer in time.") from None
        except httpx2.HTTPStatusError as error:
            _raise_for_status(error.response, self.title)
            raise UpstreamFailed(f"{self.title} gave no usable answer.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            raise UpstreamFailed(f"{self.title} gave no usable answer.") from None

    def _refused(self, error: OAuthError) -> AgentsError:
        why = str(error.error)
        if why in _OF_THE_CODE:
            return Invalid(f"{self.title} no longer knows this sign-in. Begin it again.", code="OAUTH2_CODE_REFUSED")
        _log.warning("oauth2_refused", provider=self.title, reason=why if _WORD.fullmatch(why) else "unreadable")
        return UpstreamRejected(f"{self.title} refused this deployment's request.")


def _pause(attempt: int) -> float:
    """Seconds between tries."""
    return 0.1 * 2.0**attempt


def _raise_for_status(answer: httpx2.Response, title: str) -> None:
    if answer.status_code == _OK:
        return
    if answer.status_code == _TOO_MANY:
        raise UpstreamOverloaded(f"{title} takes no more requests now.", retry_after=5)
    if answer.status_code >= _SERVER_ERRORS:
        raise UpstreamFailed(f"{title} failed with HTTP {answer.status_code}.")
    raise UpstreamRejected(f"{title} refused the request with HTTP {answer.status_code}.")
