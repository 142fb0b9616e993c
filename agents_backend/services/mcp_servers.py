"""MCP servers that are kept: the deployment's, which administrators add, and each user's own. Their secrets are shown masked."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import Database
from agents_backend.db.conflicts import refusals
from agents_backend.db.mcp import REFUSALS, McpServerRepository
from agents_backend.db.tables.mcp import McpServer
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Invalid, KeyMissing, NotFound, SealBroken, TooMany
from agents_backend.domain.mcp import RemoteTool, ServerConfig, refuse_stdio
from agents_backend.services.idempotency import claim, reading_what_was_made
from agents_backend.services.mcp_consents import Begun, McpConsents
from agents_backend.services.mcp_listings import ConsentNeeded, McpListings, MemoryKeeper, listed, tools_of
from agents_backend.services.vault import Vault

MOST: Final = 100  # servers of one owner
NO_SERVER: Final = "There is no such MCP server or setting."


@dataclass(frozen=True)
class NewServer:
    """A server to be kept.

    Attributes:
        user_id: whose it is; None for the deployment's.
        actor_id: who asks.
    """

    name: str
    config: ServerConfig
    user_id: int | None
    actor_id: int
    idempotency_key: str | None = None


@dataclass(frozen=True)
class KnownServer:
    """A server as people see it.

    Attributes:
        config: masked.
        status: `ready`, `unavailable` since it was last asked (`error` says why), or `awaits_consent`.
        consent: where a person consents, for whom asked.
    """

    id: uuid.UUID
    name: str
    config: ServerConfig
    is_active: bool
    status: str
    error: str | None
    tools: tuple[RemoteTool, ...]
    checked_at: datetime | None
    created_at: datetime
    updated_at: datetime
    consent: Begun | None = None


class McpServers:
    def __init__(self, *, database: Database, vault: Vault, listings: McpListings, consents: McpConsents) -> None:
        self._database, self._vault, self._listings, self._consents = database, vault, listings, consents

    async def list(self, user_id: int | None, *, page: int, size: int) -> tuple[Sequence[KnownServer], int]:
        """One owner's servers, by name, and how many there are."""
        return await self.slice(user_id, offset=(page - 1) * size, limit=size)

    async def slice(self, user_id: int | None, *, offset: int, limit: int) -> tuple[Sequence[KnownServer], int]:
        """Some of one owner's servers, by name, and how many there are in all."""
        async with self._database.autocommit() as session:
            found, total = await McpServerRepository(session).page(user_id, offset=offset, limit=limit)
        return [self._known(server) for server in found], total

    async def get(self, user_id: int | None, name: str) -> KnownServer:
        """One server.

        Raises:
            NotFound: the owner has none of this name.
        """
        async with self._database.autocommit() as session:
            return self._known(_there(await McpServerRepository(session).named(user_id, name)))

    async def add(self, new: NewServer) -> KnownServer:
        """Connect, list the tools, and keep both. One that wants a person's consent is kept until it has it.

        Raises:
            Invalid: it cannot be used, and why; it is of stdio. AddressRefused: it is not at a public address.
            Conflict: the name is taken. IdempotencyMismatch: the key was used for another body. TooMany: there are as many as may be.
        """
        refuse_stdio(new.config.transport)
        server, keeper = McpServer(id=uuid.uuid4(), user_id=new.user_id, name=new.name), MemoryKeeper()
        self._fill(server, new.config, keeper, await self._probe(new.config, keeper))
        async with self._database.transaction() as session, refusals(session, REFUSALS):
            with reading_what_was_made():
                kept = await self._insert(session, server, new)
        if kept is server:
            changed("mcp_server", new.name, None, told(new.config))
        return self._known(kept, await self._consents.begin(kept) if kept.awaits_consent else None)

    async def _probe(self, config: ServerConfig, keeper: MemoryKeeper) -> dict[str, Any]:
        try:
            return {**listed(await self._listings.probe(config, keeper)), "awaits_consent": False}
        except ConsentNeeded:
            return {"tools": None, "checked_at": None, "error": None, "awaits_consent": True}

    def _fill(self, server: McpServer, config: ServerConfig, keeper: MemoryKeeper, columns: dict[str, Any]) -> None:
        self._vault.seal(server, "config", config.model_dump(mode="json"))
        self._vault.seal(server, "sign_in", keeper.kept)
        for column, value in columns.items():
            setattr(server, column, value)

    async def authorize(self, user_id: int | None, name: str) -> KnownServer:
        """Ask a person for their consent, for the first time or anew.

        Raises:
            NotFound: no such server. Invalid: it wants no consent, or cannot be asked.
        """
        async with self._database.autocommit() as session:
            server = _there(await McpServerRepository(session).named(user_id, name))
        if not self._listings.config(server).wants_consent:
            raise Invalid("This server is not signed in to by a person's consent.", code="MCP_NO_CONSENT")
        begun = await self._consents.begin(server)
        changed("mcp_server", name, {"awaits_consent": server.awaits_consent}, {"awaits_consent": True})
        return self._known(server, begun)

    async def _insert(self, session: AsyncSession, server: McpServer, new: NewServer) -> McpServer:
        rows = McpServerRepository(session)
        body = [new.user_id, new.name, new.config.model_dump(mode="json")]
        wanted = str(server.id)
        made = await claim(
            session, new.actor_id, new.idempotency_key, operation="add_mcp_server", body=body, wanted=wanted
        )
        if made != wanted:
            return _there(await rows.get(uuid.UUID(made)))
        if await rows.count(new.user_id) >= MOST:
            raise TooMany(f"There are {MOST} MCP servers, the most that are kept. Remove one first.")
        await rows.add(server)
        return server

    async def change(self, user_id: int | None, name: str, given: ServerConfig) -> KnownServer:
        """Replace how a server is reached; a secret that is written back as it was shown stays.

        Raises:
            NotFound: no such server. Invalid, AddressRefused: as `add`.
        """
        refuse_stdio(given.transport)
        async with self._database.autocommit() as session:
            server = _there(await McpServerRepository(session).named(user_id, name))
        before = self._listings.config(server)
        config, keeper = given.kept(before), MemoryKeeper()
        keeper.kept = self._vault.open(server, "sign_in") if _same_sign_in(config, before) else None
        columns = await self._probe(config, keeper)
        async with self._database.transaction() as session:
            row = _there(await McpServerRepository(session).named(user_id, name, lock=True))
            self._fill(row, config, keeper, columns)
            await session.flush()
            await session.refresh(row)
        changed("mcp_server", name, *differing(before, config))
        return self._known(row, await self._consents.begin(row) if row.awaits_consent else None)

    async def remove(self, user_id: int | None, name: str) -> None:
        """Forget a server with its secrets.

        Raises:
            NotFound: no such server.
        """
        async with self._database.transaction() as session:
            rows, known = McpServerRepository(session), dict[str, object]()
            server = _there(await rows.named(user_id, name, lock=True))
            await rows.remove(server)
        with suppress(KeyMissing, SealBroken):  # one whose secrets are lost can be forgotten as well
            known = told(self._listings.config(server))
        changed("mcp_server", name, {"name": name} | known, None)

    async def set_active(self, user_id: int | None, name: str, *, wanted: bool | None) -> KnownServer:
        """Offer it to chats or not; without a wish, the other way round.

        Raises:
            NotFound: no such server.
        """
        async with self._database.transaction() as session:
            server = _there(await McpServerRepository(session).named(user_id, name, lock=True))
            server.is_active = not server.is_active if wanted is None else wanted
            await session.flush()
            await session.refresh(server)
        return self._known(server)

    def _known(self, server: McpServer, consent: Begun | None = None) -> KnownServer:
        status = "awaits_consent" if server.awaits_consent else "unavailable" if server.error else "ready"
        return KnownServer(
            id=server.id,
            name=server.name,
            config=self._listings.config(server).masked(),
            is_active=server.is_active,
            status=status,
            error=server.error,
            tools=tools_of(server),
            checked_at=server.checked_at,
            created_at=server.created_at,
            updated_at=server.updated_at,
            consent=consent,
        )


def _there(server: McpServer | None) -> McpServer:
    if server is None:
        raise NotFound(NO_SERVER)
    return server


def _same_sign_in(config: ServerConfig, before: ServerConfig) -> bool:
    """Whether tokens that were given for one are good for the other."""
    return (config.url, config.oauth) == (before.url, before.oauth)


def told(config: ServerConfig) -> dict[str, object]:
    """A configuration as the operation log has it: every field that a server at an address has, masked."""
    return config.masked().model_dump(exclude={"command", "args", "env"})


def differing(before: ServerConfig, after: ServerConfig) -> tuple[dict[str, object], dict[str, object]]:
    """Both as the operation log has them; a secret that was replaced by another which is masked alike is told as well."""
    old, new = told(before), told(after)
    for name in old:
        if old[name] == new[name] and getattr(before, name) != getattr(after, name):
            old[name], new[name] = "set", "set anew"
    return old, new
