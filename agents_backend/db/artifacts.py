"""SQL of artifacts."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.runs import Artifact, Run


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

    async def older_than(self, before: datetime, *, limit: int) -> Sequence[Artifact]:
        query = select(Artifact).where(Artifact.created_at < before).order_by(Artifact.created_at).limit(limit)
        return (await self._session.scalars(query)).all()

    async def forget(self, ids: Sequence[int]) -> None:
        await self._session.execute(delete(Artifact).where(Artifact.id.in_(ids)))
