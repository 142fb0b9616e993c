"""SQL of resources to retrieve from."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.lists import contains
from agents_backend.db.tables.rag import RagPassage, RagResource
from agents_backend.db.tables.runs import Run
from agents_backend.db.users import departed
from agents_backend.domain.runs import FINAL

PENDING, READY, FAILED = "pending", "ready", "failed"


@dataclass(frozen=True)
class Searchable:
    """What a user may be searched in: the resources, their passages together, and the languages that they are in."""

    ids: tuple[uuid.UUID, ...]
    passages: int
    languages: tuple[str, ...]


class RagRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, resource: RagResource) -> None:
        self._session.add(resource)

    async def get(
        self, resource_id: uuid.UUID, *, user_id: int | None = None, lock: bool = False
    ) -> RagResource | None:
        """A resource that is not deleted."""
        query = select(RagResource).where(RagResource.id == resource_id, RagResource.deleted_at.is_(None))
        if user_id is not None:
            query = query.where(RagResource.user_id == user_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def count(self, user_id: int) -> int:
        return await self._session.scalar(select(func.count()).select_from(RagResource).where(*_of(user_id))) or 0

    async def page(
        self, user_id: int, *, query: str | None, status: str | None, offset: int, limit: int
    ) -> tuple[Sequence[RagResource], int]:
        """One's resources, newest first; with `query`, those that have it in their title or file name, or its words in one passage."""
        mine = [*_of(user_id), *([RagResource.status == status] if status else []), *([_has(query)] if query else [])]
        total = await self._session.scalar(select(func.count()).select_from(RagResource).where(*mine))
        found = select(RagResource).where(*mine).order_by(RagResource.created_at.desc(), RagResource.id)
        return (await self._session.scalars(found.offset(offset).limit(limit))).all(), total or 0

    async def owned(self, user_id: int, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Those of the ids that are resources of the user's."""
        query = select(RagResource.id).where(*_of(user_id), RagResource.id.in_(ids))
        return set((await self._session.scalars(query)).all())

    async def searchable(self, user_id: int, ids: Sequence[uuid.UUID] | None) -> Searchable:
        """What has passages now, of all that is the user's, or of `ids` alone."""
        columns = select(RagResource.id, RagResource.passages, RagResource.language)
        query = columns.where(*_of(user_id), RagResource.generation > 0)
        if ids is not None:
            query = query.where(RagResource.id.in_(ids))
        rows = (await self._session.execute(query)).all()
        return Searchable(
            ids=tuple(row.id for row in rows),
            passages=sum(row.passages for row in rows),
            languages=tuple(sorted({row.language for row in rows})),
        )

    async def has_some(self, user_id: int) -> bool:
        """Whether anything of the user's can be searched."""
        query = select(exists().where(*_of(user_id), RagResource.generation > 0))
        return bool(await self._session.scalar(query))

    # What a round of the sweep looks for

    async def deleted(self, *, limit: int) -> Sequence[RagResource]:
        query = select(RagResource).where(RagResource.deleted_at.is_not(None)).order_by(RagResource.deleted_at)
        return (await self._session.scalars(query.limit(limit))).all()

    async def unsettled(self, before: datetime, *, limit: int) -> list[tuple[RagResource, Run | None]]:
        """Pending ones whose ingestion has ended, or is gone."""
        ended = or_(Run.id.is_(None), and_(Run.status.in_(FINAL), Run.finished_at < before))
        query = select(RagResource, Run).outerjoin(Run, Run.id == RagResource.run_id)
        query = query.where(RagResource.status == PENDING, RagResource.updated_at < before, ended)
        return [(row[0], row[1]) for row in await self._session.execute(query.limit(limit))]

    async def stale(self, model: str, *, limit: int) -> Sequence[RagResource]:
        """Those that another model embedded, or none; what is being ingested is left to its ingestion."""
        query = select(RagResource).where(
            RagResource.generation > 0,
            RagResource.model != model,
            RagResource.status != PENDING,
            RagResource.deleted_at.is_(None),
        )
        return (await self._session.scalars(query.order_by(RagResource.updated_at).limit(limit))).all()

    async def embedded_by(self, resource_id: uuid.UUID, generation: int, model: str) -> None:
        query = update(RagResource).where(RagResource.id == resource_id, RagResource.generation == generation)
        await self._session.execute(query.values(model=model))

    async def of_departed(self, *, limit: int) -> Sequence[RagResource]:
        """Those of users who were deleted, locked."""
        query = select(RagResource).where(RagResource.deleted_at.is_(None), RagResource.user_id.in_(departed()))
        query = query.order_by(RagResource.created_at).limit(limit).with_for_update(skip_locked=True)
        return (await self._session.scalars(query)).all()

    # Deleting

    async def bury(self, resource: RagResource) -> None:
        """Out of sight at once, with all that can be searched; the file goes next, then the row."""
        resource.deleted_at = now()
        await self._session.execute(delete(RagPassage).where(RagPassage.resource_id == resource.id))

    async def forget_runs(self, resource: RagResource) -> None:
        """Delete the ended ingestions of a resource: what they were given speaks of it."""
        await self._session.execute(delete(Run).where(*_ingestions(resource), Run.status.in_(FINAL)))

    async def has_runs(self, resource: RagResource) -> bool:
        return bool(await self._session.scalar(select(exists().where(*_ingestions(resource)))))

    async def forget(self, resource_id: uuid.UUID) -> None:
        await self._session.execute(delete(RagResource).where(RagResource.id == resource_id))


def _of(user_id: int) -> tuple[ColumnElement[bool], ...]:
    return RagResource.user_id == user_id, RagResource.deleted_at.is_(None)


def _ingestions(resource: RagResource) -> tuple[ColumnElement[bool], ...]:
    mine = Run.user_id == resource.user_id, Run.kind == "ingest"
    return *mine, Run.options["resource_id"].astext == str(resource.id)


def _has(query: str) -> ColumnElement[bool]:
    asked: Any = func.plainto_tsquery(RagPassage.language, query)
    inside = exists().where(
        RagPassage.resource_id == RagResource.id,
        RagPassage.generation == RagResource.generation,
        RagPassage.search.op("@@")(asked),
    )
    return or_(contains(RagResource.title, query), contains(RagResource.file_name, query), inside)
