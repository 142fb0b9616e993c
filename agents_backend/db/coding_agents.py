"""SQL of users' coding agents."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.tables.mcp import CodingAgent
from agents_backend.db.tables.users import User
from agents_backend.db.users import departed


class CodingAgentRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: int) -> Sequence[CodingAgent]:
        query = select(CodingAgent).where(CodingAgent.user_id == user_id).order_by(CodingAgent.tool_type)
        return (await self._session.scalars(query)).all()

    async def get(self, user_id: int, tool_type: str, *, lock: bool = False) -> CodingAgent | None:
        query = select(CodingAgent).where(CodingAgent.user_id == user_id, CodingAgent.tool_type == tool_type)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def prepared(self, user_id: int, tool_type: str) -> tuple[CodingAgent, bool]:
        """The row, to be filled, and whether it is new; two that set the same one at once wait for each other."""
        await self._session.scalar(select(User.id).where(User.id == user_id).with_for_update())
        found = await self.get(user_id, tool_type, lock=True)
        if found is not None:
            return found, False
        return CodingAgent(user_id=user_id, tool_type=tool_type, is_active=True, options={}), True

    async def add(self, agent: CodingAgent) -> None:
        self._session.add(agent)
        await self._session.flush()
        await self._session.refresh(agent)

    async def remove(self, user_id: int, tool_type: str) -> bool:
        query = delete(CodingAgent).where(CodingAgent.user_id == user_id, CodingAgent.tool_type == tool_type)
        return await self._session.scalar(query.returning(CodingAgent.user_id)) is not None

    async def forget_departed(self) -> None:
        """Remove what users who were deleted left behind."""
        await self._session.execute(delete(CodingAgent).where(CodingAgent.user_id.in_(departed())))

    async def due(self, tool_type: str, before: datetime, *, limit: int) -> Sequence[int]:
        """Users whose tokens expire before a time and can still be refreshed, the most urgent first."""
        query = select(CodingAgent.user_id).where(
            CodingAgent.tool_type == tool_type, CodingAgent.expires_at < before, CodingAgent.error.is_(None)
        )
        return (await self._session.scalars(query.order_by(CodingAgent.expires_at).limit(limit))).all()
