"""What the API stands on, and what of it has a beginning and an end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.hub import Hub
from agents_backend.integrations.metrics import DATABASE_CONNECTIONS
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.presigned import PresignedUrls
from agents_backend.integrations.redis_connections import connect
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.services.deployed_tools import deployed_tools
from agents_backend.services.mcp_parts import McpParts, mcp_parts
from agents_backend.services.open_streams import OpenStreams
from agents_backend.services.opera_logs import OperaLogs
from agents_backend.services.passwords import Passwords
from agents_backend.services.principals import Principals
from agents_backend.services.process_parts import ProcessParts
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import Settings


class _Running(Protocol):
    async def start(self) -> None: ...

    async def close(self) -> None: ...


_R = TypeVar("_R", bound=_Running)


@dataclass(frozen=True, kw_only=True)
class Parts(ProcessParts):
    passwords: Passwords
    principals: Principals
    hub: Hub
    opera_logs: OperaLogs
    watched: OpenStreams
    mcp: McpParts
    toolboxes: Toolboxes
    pages: Pages
    presigned: PresignedUrls


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """The parts, for as long as the application runs; what is needed by others closes after them."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings.database))
        DATABASE_CONNECTIONS.set_function(database.connections_in_use)
        redis = await stack.enter_async_context(connect(settings.redis))
        temporal = await connect_temporal(settings, lazy=True)
        passwords = Passwords(settings.auth.hash_concurrency)
        stack.callback(passwords.close)
        trust, policy = await certificates(), Policy(allow_loopback=settings.agents.fetch_allow_loopback)
        hub = await _running(stack, Hub(redis))
        opera_logs = await _running(stack, OperaLogs(database=database))
        watched = OpenStreams(database=database, per_user=settings.api.streams_per_user)
        mcp = mcp_parts(database=database, redis=redis, temporal=temporal, settings=settings, trust=trust)
        stack.push_async_callback(mcp.consents.close)
        tools = deployed_tools(settings, database=database, temporal=temporal, log=EventLog(redis))
        yield Parts(
            settings=settings,
            database=database,
            redis=redis,
            temporal=temporal,
            passwords=passwords,
            principals=Principals(database, kept_seconds=settings.auth.session_cache_seconds),
            hub=hub,
            opera_logs=opera_logs,
            watched=await _running(stack, watched),
            mcp=mcp,
            toolboxes=await stack.enter_async_context(tools),
            pages=await stack.enter_async_context(Pages(policy=policy, trust=trust)),
            presigned=await stack.enter_async_context(PresignedUrls(policy, trust=trust)),
        )


async def _running(stack: AsyncExitStack, made: _R) -> _R:
    await made.start()
    stack.push_async_callback(made.close)
    return made
