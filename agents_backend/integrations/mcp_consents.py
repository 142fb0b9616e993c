"""Consents that are under way at MCP servers' authorization servers, in Redis: whose browser may bring an answer, and the answer.

The flow itself waits in the process that began it, with PKCE's verifier, which never leaves it; the browser may come back to any
process, so what it brought waits in Redis, where by itself it opens nothing.
"""

import asyncio
import hashlib
import hmac
import json
import uuid
from dataclasses import asdict, dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents_backend.domain.errors import Invalid, Unavailable
from agents_backend.integrations.mcp_auth import Returned

POLL_SECONDS: Final = 0.3
_AWAY: Final = "Consents cannot be taken now."


@dataclass(frozen=True)
class Consents:
    redis: Redis
    seconds: int

    async def begin(self, state: str, browser: str, server_id: uuid.UUID) -> None:
        """Remember whose browser is expected; as a hash, so that what Redis holds opens nothing.

        Raises:
            Unavailable: Redis is away.
        """
        kept = json.dumps([_digest(browser), str(server_id)])
        try:
            await self.redis.set(_key(state), kept, ex=self.seconds)
        except RedisError as error:
            raise Unavailable(_AWAY, retry_after=2) from error

    async def bring(self, returned: Returned, browser: str) -> uuid.UUID:
        """Leave what a browser brought for the flow that waits for it; it is taken once. Gives the server's id.

        Raises:
            Invalid: no such flow, too late, or another browser's: one answer. Unavailable: Redis is away.
        """
        try:
            kept = await self.redis.getdel(_key(returned.state))
            if isinstance(kept, str):
                expected, server_id = json.loads(kept)
                if hmac.compare_digest(expected, _digest(browser)):
                    await self.redis.set(_answer(returned.state), json.dumps(asdict(returned)), ex=60)
                    return uuid.UUID(server_id)
        except RedisError as error:
            raise Unavailable(_AWAY, retry_after=2) from error
        raise Invalid(
            "This consent was not begun in this browser, is over, or took too long. Begin it again.",
            code="MCP_CONSENT_INVALID",
        )

    async def wait(self, state: str) -> Returned:
        """What the browser brings; whoever waits bounds it in time.

        Raises:
            Unavailable: Redis is away.
        """
        while True:
            try:
                kept = await self.redis.getdel(_answer(state))
            except RedisError as error:
                raise Unavailable(_AWAY, retry_after=2) from error
            if isinstance(kept, str):
                return Returned(**json.loads(kept))
            await asyncio.sleep(POLL_SECONDS)


def _key(state: str) -> str:
    return f"mcp:consent:{_digest(state)}"


def _answer(state: str) -> str:
    return f"{_key(state)}:answer"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
