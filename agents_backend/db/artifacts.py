"""SQL of artifacts."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.runs import Artifact, Run, RunPart


class ArtifactRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_runs(self, run_ids: Sequence[uuid.UUID]) -> Sequence[Artifact]:
        query = select(Artifact).where(Artifact.run_id.in_(run_ids))
        return (await self._session.scalars(query.order_by(Artifact.run_id, Artifact.id))).all()

    async def get(self, run_id: uuid.UUID, name: str, *, user_id: int | None = None) -> Artifact | None:
        query = select(Artifact).where(Artifact.run_id == run_id, Artifact.name == name)
        if user_id is not None:
            query = query.join(Run, Run.id == Artifact.run_id).where(Run.user_id == user_id)
        return await self._session.scalar(query)

    async def put(self, **values: Any) -> None:
        """Write an artifact, over an earlier one of the same run and name."""
        query = insert(Artifact).values(created_at=now(), **values)
        changed = {name: query.excluded[name] for name in ("media_type", "size", "key", "sha256", "details")}
        await self._session.execute(query.on_conflict_do_update(index_elements=["run_id", "name"], set_=changed))

    async def expired_runs(self, before: datetime, *, limit: int) -> Sequence[uuid.UUID]:
        """Runs that ended before a time and still have files or parts."""
        having = union(select(Artifact.run_id), select(RunPart.run_id)).subquery()
        query = select(Run.id).join(having, having.c.run_id == Run.id).where(Run.finished_at < before)
        return (await self._session.scalars(query.order_by(Run.finished_at).limit(limit))).all()

    async def forget(self, run_id: uuid.UUID) -> None:
        """Drop a run's artifacts and parts."""
        await self._session.execute(delete(Artifact).where(Artifact.run_id == run_id))
        await self._session.execute(delete(RunPart).where(RunPart.run_id == run_id))
