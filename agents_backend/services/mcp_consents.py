"""A person's consent at an MCP server's authorization server: begun by an answer of ours, ended by the browser that comes back.

It must be the browser that began, or a stranger's consent could be led into one's own server.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from agents_backend.db.base import Database
from agents_backend.db.mcp import McpServerRepository
from agents_backend.db.tables.mcp import McpServer
from agents_backend.domain.errors import Invalid, NotFound, UpstreamRejected, UpstreamTimeout
from agents_backend.integrations.mcp_auth import Person, Returned
from agents_backend.integrations.mcp_consents import Consents
from agents_backend.services.mcp_listings import McpListings, unusable

CALLBACK: Final = "/api/v1/agent/mcp/oauth/callback"
_BEGIN_SECONDS: Final = 25.0
_END_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Begun:
    """Where a person consents, and the secret that their browser brings back in a cookie."""

    url: str
    browser: str


@dataclass(frozen=True)
class Consented:
    """What became of a consent; `error` says why the server still cannot be used."""

    server: str
    error: str | None


class McpConsents:
    def __init__(self, *, database: Database, listings: McpListings, consents: Consents, base_url: str) -> None:
        self._database, self._listings, self._consents = database, listings, consents
        self._redirect = f"{base_url}{CALLBACK}"
        self._flows: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up the flows of this process; their people begin again."""
        for flow in self._flows:
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)

    async def begin(self, server: McpServer) -> Begun:
        """Ask the server how it is signed in to.

        Raises:
            Invalid: it cannot be asked, or says so itself.
        """
        browser, found = secrets.token_urlsafe(32), asyncio.get_running_loop().create_future()
        await self._mark(server)
        person = Person(self._redirect, lambda url: self._send(url, browser, server, found), lambda: self._wait(found))
        flow = asyncio.create_task(
            self._listings.consented(server, person, seconds=self._consents.seconds + _BEGIN_SECONDS)
        )
        self._flows.add(flow)
        flow.add_done_callback(self._flows.discard)
        await asyncio.wait({flow, found}, timeout=_BEGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if found.done():
            return Begun(found.result(), browser)
        if flow.done():
            outcome = await self._outcome(server)
            raise unusable(UpstreamRejected(outcome.error or "It asks for no consent."))
        flow.cancel()
        raise unusable(UpstreamTimeout("It did not say in time where to sign in."))

    async def _mark(self, server: McpServer) -> None:
        async with self._database.transaction() as session:
            await McpServerRepository(session).write(server.id, awaits_consent=True, error=None)

    async def _send(self, url: str, browser: str, server: McpServer, found: asyncio.Future[str]) -> None:
        await self._consents.begin(_state(url), browser, server.id)
        if not found.done():
            found.set_result(url)

    async def _wait(self, found: asyncio.Future[str]) -> Returned:
        returned = await self._consents.wait(_state(found.result()))
        if not returned.code:
            raise UpstreamRejected("The consent was refused.")
        return returned

    async def finish(self, returned: Returned, browser: str) -> Consented:
        """Take what a browser brought, and wait for what comes of it.

        Raises:
            Invalid: it was not begun in this browser, is over, or took too long. NotFound: the server is gone.
        """
        server_id = await self._consents.bring(returned, browser)
        async with self._database.autocommit() as session:
            server = await McpServerRepository(session).get(server_id)
        if server is None:
            raise NotFound("The MCP server is gone.")
        return await self._outcome(server)

    async def _outcome(self, server: McpServer) -> Consented:
        deadline = asyncio.get_running_loop().time() + _END_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            async with self._database.autocommit() as session:
                found = await McpServerRepository(session).get(server.id)
            if found is None or found.error or not found.awaits_consent:
                return Consented(server.name, found.error if found else "The MCP server is gone.")
            await asyncio.sleep(_POLL_SECONDS)
        return Consented(server.name, "It is not known yet: look at the server again.")


def _state(url: str) -> str:
    found = parse_qs(urlsplit(url).query).get("state")
    if not found:
        raise Invalid("The sign-in has no state.", code="MCP_CONSENT_INVALID")
    return found[0]
