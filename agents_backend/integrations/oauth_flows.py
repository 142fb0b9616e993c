"""Sign-ins that are under way at a provider: what each `state` stands for, in Redis, for ten minutes and one use.

A browser holds a secret in a cookie. Redis keeps its hash, so another browser cannot end what this one began; and the PKCE
verifier and the nonce follow from the secret and the state, so that what Redis holds opens nothing by itself.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import uuid
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents_backend.domain.errors import Invalid, Unavailable

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Linking:
    """Who adds an account to their own, and in which session they asked for it."""

    user_id: int
    session_id: uuid.UUID


@dataclass(frozen=True)
class Flow:
    """One sign-in.

    Attributes:
        in_console: it ends on the console's page and not in an answer.
        linking: set when it signs nobody in, but links.
    """

    provider: str
    in_console: bool = False
    linking: Linking | None = None


@dataclass(frozen=True)
class Ticket:
    """What the parties of one flow hold: the provider sees `state`, the browser keeps `browser`."""

    state: str
    browser: str

    @classmethod
    def new(cls, browser: str | None) -> "Ticket":
        """Of a browser that holds a secret already, the same: another tab's flow stays good."""
        known = browser if browser and _SECRET.fullmatch(browser) else None
        return cls(secrets.token_urlsafe(32), known or secrets.token_urlsafe(32))

    @property
    def verifier(self) -> str:
        """PKCE's (RFC 7636): 43 characters."""
        return self._derived("verifier")

    @property
    def nonce(self) -> str:
        """OpenID Connect's: it comes back in the id token."""
        return self._derived("nonce")

    def _derived(self, purpose: str) -> str:
        made = hmac.digest(self.browser.encode(), f"{purpose}:{self.state}".encode(), "sha256")
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


class Flows:
    def __init__(self, redis: Redis, *, seconds: int) -> None:
        self._redis, self._seconds = redis, seconds

    async def begin(self, flow: Flow, ticket: Ticket) -> None:
        """Remember a flow.

        Raises:
            Unavailable: Redis is away.
        """
        linking = [flow.linking.user_id, str(flow.linking.session_id)] if flow.linking else None
        kept = json.dumps([flow.provider, flow.in_console, linking, _digest(ticket.browser)])
        try:
            await self._redis.set(_key(ticket.state), kept, ex=self._seconds)
        except RedisError as error:
            raise Unavailable("Signing in is not available now.", retry_after=2) from error

    async def take(self, ticket: Ticket, provider: str) -> Flow:
        """The flow, which is used up whatever comes of it.

        Raises:
            Invalid: there is none, it has expired or was used, it is another browser's or another provider's: one answer.
            Unavailable: Redis is away.
        """
        try:
            kept = await self._redis.getdel(_key(ticket.state))
        except RedisError as error:
            raise Unavailable("Signing in is not available now.", retry_after=2) from error
        if isinstance(kept, str):
            begun_with, in_console, linking, browser = json.loads(kept)
            if begun_with == provider and hmac.compare_digest(browser, _digest(ticket.browser)):
                asked = Linking(linking[0], uuid.UUID(linking[1])) if linking else None
                return Flow(provider, in_console, asked)
        raise Invalid(
            "This sign-in was not begun in this browser, is over, or took too long. Begin it again.",
            code="OAUTH2_STATE_INVALID",
        )


def _key(state: str) -> str:
    return f"oauth2:flow:{_digest(state)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
