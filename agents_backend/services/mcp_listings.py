"""What MCP servers offer: asked once, kept in their rows for a while, and told to whoever asks next, on whatever worker."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from agents_backend.db.base import Database, now
from agents_backend.db.mcp import McpServerRepository
from agents_backend.db.tables.mcp import McpServer
from agents_backend.domain.errors import AgentsError, Invalid, UpstreamFailed, UpstreamTimeout
from agents_backend.domain.mcp import RemoteTool, ServerConfig
from agents_backend.integrations.mcp import LIST_SECONDS, REFUSED, McpClients
from agents_backend.integrations.mcp_auth import Person, SignIn
from agents_backend.integrations.mcp_stdio import Start
from agents_backend.integrations.mcp_wire import SIGN_IN_NEEDED
from agents_backend.services.run_programs import RunPrograms
from agents_backend.services.vault import Vault

KEPT: Final = timedelta(minutes=10)
# A server that failed is not asked again at each step of each chat.
PAUSE: Final = timedelta(minutes=1)
PROGRAM_SECONDS: Final = 90.0  # for a program, whose sandbox may have yet to be made and its packages to be fetched
_SIGN_INS_AT_ONCE: Final = 4
CHAT_SECONDS: Final = 8.0  # how long a chat waits for what a server offers
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Listing:
    """A server and its tools, or why there are none.

    Attributes:
        config: None where it cannot be read: its key is not among those of the vault.
    """

    server: McpServer
    config: ServerConfig | None
    tools: tuple[RemoteTool, ...] = ()
    error: str | None = None


class ConsentNeeded(Exception):
    """A person has to consent at the server's authorization server. It is no error of a caller's."""


class Turns:
    """Who may hold a connection to PostgreSQL for the time of a sign-in: one of this process for each server, few in all.

    Whoever waited for the lock there would hold one too, until none was left for who has the lock.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[uuid.UUID, asyncio.Lock] = WeakValueDictionary()
        self._few = asyncio.Semaphore(_SIGN_INS_AT_ONCE)

    @asynccontextmanager
    async def of(self, server_id: uuid.UUID) -> AsyncIterator[None]:
        lock = self._locks.setdefault(server_id, asyncio.Lock())
        async with lock, self._few:
            yield


class RowKeeper:
    """Keeps a server's sign-in in its row, encrypted."""

    def __init__(self, *, database: Database, vault: Vault, server_id: uuid.UUID, turns: Turns) -> None:
        self._database, self._vault, self._id, self._turns = database, vault, server_id, turns

    async def load(self) -> str | None:
        async with self._database.autocommit() as session:
            row = await McpServerRepository(session).get(self._id)
        return self._vault.open(row, "sign_in") if row else None

    async def save(self, kept: str) -> None:
        async with self._database.transaction() as session:
            if (row := await McpServerRepository(session).get(self._id)) is not None:
                self._vault.seal(row, "sign_in", kept)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._turns.of(self._id), self._database.transaction() as session:
            await McpServerRepository(session).lock_sign_in(self._id)
            yield


class MemoryKeeper:
    """Of a server that is not stored yet."""

    def __init__(self) -> None:
        self.kept: str | None = None

    async def load(self) -> str | None:
        return self.kept

    async def save(self, kept: str) -> None:
        self.kept = kept

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        yield


class McpListings:
    def __init__(
        self, *, database: Database, vault: Vault, clients: McpClients, programs: RunPrograms | None = None
    ) -> None:
        self._database, self._vault, self._clients, self._programs = database, vault, clients, programs
        self._asked: dict[uuid.UUID, asyncio.Task[Listing]] = {}
        self._turns = Turns()

    def config(self, server: McpServer) -> ServerConfig:
        return ServerConfig.model_validate(self._vault.open(server, "config"))

    def sign_in(self, server: McpServer, person: Person | None = None) -> SignIn:
        return SignIn(
            RowKeeper(database=self._database, vault=self._vault, server_id=server.id, turns=self._turns), person
        )

    async def of(self, servers: Sequence[McpServer]) -> list[Listing]:
        """The listings of all, those that are too old asked for again, side by side."""
        return list(await asyncio.gather(*(self._of(server) for server in servers)))

    async def _of(self, server: McpServer) -> Listing:
        try:
            self.config(server)
        except AgentsError as failure:
            return Listing(server, None, error=failure.detail)
        if server.checked_at is not None and now() - server.checked_at < (PAUSE if server.error else KEPT):
            return Listing(server, self.config(server), tools_of(server), server.error)
        # Many chats ask at once: one listing serves them, and outlives the one of them that is cancelled.
        if (asked := self._asked.get(server.id)) is None:
            asked = self._asked[server.id] = asyncio.create_task(self._ask(server))
            asked.add_done_callback(lambda _: self._asked.pop(server.id, None))
        return await asyncio.shield(asked)

    async def _ask(self, server: McpServer) -> Listing:
        config = self.config(server)
        try:
            start = self._start(server, config)
            seconds = PROGRAM_SECONDS if start else CHAT_SECONDS
            found = await self._clients.tools(config, self.sign_in(server), seconds=seconds, start=start)
        except AgentsError as failure:
            _log.info("mcp_server_not_listed", server=server.name, server_id=str(server.id), code=failure.code)
            await self._write(server, tools=None, error=failure.detail)
            return Listing(server, config, error=failure.detail)
        await self._write(server, **listed(found))
        return Listing(server, config, tuple(found))

    async def probe(self, config: ServerConfig, keeper: MemoryKeeper) -> list[RemoteTool]:
        """The tools of a server that somebody adds.

        Raises:
            ConsentNeeded: a person has to consent first.
            Invalid: it cannot be used; says why. AddressRefused: its address is none that we connect to.
        """
        try:
            return await self._clients.tools(config, SignIn(keeper), seconds=LIST_SECONDS)
        except (UpstreamFailed, UpstreamTimeout) as failure:
            if failure.code == SIGN_IN_NEEDED and config.wants_consent:
                raise ConsentNeeded from failure
            raise unusable(failure) from failure
        except Invalid as failure:
            if failure.code != REFUSED:
                raise
            raise unusable(failure) from failure

    async def consented(self, server: McpServer, person: Person, *, seconds: float) -> None:
        """List a server that a person consents to meanwhile."""
        try:
            found = await self._clients.tools(self.config(server), self.sign_in(server, person), seconds=seconds)
        except AgentsError as failure:
            await self._write(server, tools=None, error=failure.detail)
            return
        await self._write(server, **listed(found), awaits_consent=False)

    async def call(self, listing: Listing, tool: RemoteTool, arguments: dict[str, Any]) -> Any:
        config = listing.config or self.config(listing.server)
        start, sign_in = self._start(listing.server, config), self.sign_in(listing.server)
        return await self._clients.call(config, tool.name, arguments, sign_in, start=start)

    def _start(self, server: McpServer, config: ServerConfig) -> Start | None:
        """How the program of a server of stdio is started; None of any other, and where none may be."""
        if config.transport != "stdio" or self._programs is None:
            return None
        return partial(self._programs.start, server, config)

    async def _write(self, server: McpServer, **values: Any) -> None:
        async with self._database.transaction() as session:
            await McpServerRepository(session).write(server.id, **{"checked_at": now(), **values})


def listed(tools: Sequence[RemoteTool], at: datetime | None = None) -> dict[str, Any]:
    """The columns of a server whose tools are known."""
    return {"tools": [asdict(tool) for tool in tools], "checked_at": at or now(), "error": None}


def tools_of(server: McpServer) -> tuple[RemoteTool, ...]:
    """The tools of a server as last listed."""
    return tuple(RemoteTool(**tool) for tool in server.tools or ())


def unusable(failure: AgentsError) -> Invalid:
    return Invalid(f"The MCP server cannot be used. {failure.detail}", code="MCP_SERVER_UNUSABLE")
