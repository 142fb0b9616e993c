"""SQL of MCP servers. Owners: a run, a user, or neither: the deployment."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.tables.mcp import McpServer
from agents_backend.db.tables.runs import Run
from agents_backend.db.users import departed
from agents_backend.domain.errors import AgentsError, Conflict
from agents_backend.domain.runs import FINAL

_TAKEN: Final = Conflict("There is a server of this name.", code="MCP_SERVER_EXISTS")
REFUSALS: Final[dict[str, AgentsError]] = {
    "uq_mcp_servers_name": _TAKEN,
    "uq_mcp_servers_user_id_name": _TAKEN,
}


def _owned(user_id: int | None) -> ColumnElement[bool]:
    return and_(McpServer.run_id.is_(None), McpServer.user_id.is_not_distinct_from(user_id))


class McpServerRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: int | None, *, offset: int, limit: int) -> tuple[Sequence[McpServer], int]:
        """The deployment's (None) or a user's own, by name."""
        mine = _owned(user_id)
        total = await self._session.scalar(select(func.count()).select_from(McpServer).where(mine))
        query = select(McpServer).where(mine).order_by(McpServer.name).offset(offset).limit(limit)
        return (await self._session.scalars(query)).all(), total or 0

    async def count(self, user_id: int | None) -> int:
        return await self._session.scalar(select(func.count()).select_from(McpServer).where(_owned(user_id))) or 0

    async def named(self, user_id: int | None, name: str, *, lock: bool = False) -> McpServer | None:
        query = select(McpServer).where(_owned(user_id), McpServer.name == name)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def get(self, server_id: uuid.UUID) -> McpServer | None:
        return await self._session.get(McpServer, server_id)

    async def add(self, server: McpServer) -> None:
        self._session.add(server)
        await self._session.flush()

    async def remove(self, server: McpServer) -> None:
        await self._session.delete(server)

    async def usable(self, run_id: uuid.UUID, user_id: int) -> Sequence[McpServer]:
        """What a run may use: its own, its user's active ones, the deployment's; in this order of a name's owners."""
        mine = or_(
            McpServer.run_id == run_id,
            and_(McpServer.run_id.is_(None), McpServer.user_id == user_id, McpServer.is_active),
            and_(McpServer.run_id.is_(None), McpServer.user_id.is_(None), McpServer.is_active),
        )
        mine = and_(mine, McpServer.awaits_consent.is_(False))
        order = (McpServer.run_id.is_(None), McpServer.user_id.is_(None), McpServer.name)
        return (await self._session.scalars(select(McpServer).where(mine).order_by(*order))).all()

    async def write(self, server_id: uuid.UUID, **values: Any) -> bool:
        """Change columns that say how a server is, and not what; False when it is gone."""
        query = update(McpServer).where(McpServer.id == server_id).values(**values).returning(McpServer.id)
        return await self._session.scalar(query) is not None

    async def lock_sign_in(self, server_id: uuid.UUID) -> None:
        """Let nobody else sign in to a server until the transaction ends."""
        await self._session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"mcp-sign-in:{server_id}", 0)))
        )

    async def forget_ended(self) -> None:
        """Remove what runs that have ended, and users who were deleted, left behind."""
        ended = select(Run.id).where(Run.status.in_(FINAL))
        left = or_(McpServer.run_id.in_(ended), McpServer.user_id.in_(departed()))
        await self._session.execute(delete(McpServer).where(left))
