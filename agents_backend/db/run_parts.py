"""SQL of the parts of runs."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.runs import RunPart


class RunPartRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, run_id: uuid.UUID, name: str) -> RunPart | None:
        return await self._session.get(RunPart, (run_id, name))

    async def several(self, run_id: uuid.UUID, names: Sequence[str]) -> dict[str, RunPart]:
        """Those of them that are there, by name."""
        query = select(RunPart).where(RunPart.run_id == run_id, RunPart.name.in_(names))
        return {part.name: part for part in await self._session.scalars(query)}

    async def add(
        self, run_id: uuid.UUID, name: str, content: dict[str, Any], usage: dict[str, Any] | None = None
    ) -> None:
        """Add a part once: a repeated call changes nothing."""
        query = insert(RunPart).values(run_id=run_id, name=name, content=content, usage=usage, created_at=now())
        await self._session.execute(query.on_conflict_do_nothing(index_elements=["run_id", "name"]))
