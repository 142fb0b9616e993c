"""SQL of staged files. What has expired is not there any more, whether it is deleted yet or not."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.lists import Found, Slice, page
from agents_backend.db.tables.files import StagedFile
from agents_backend.db.users import departed

_SHOWN = tuple(
    getattr(StagedFile, name) for name in ("id", "name", "media_type", "size", "sha256", "created_at", "expires_at")
)


def _there() -> tuple[ColumnElement[bool], ...]:
    return StagedFile.is_ready.is_(True), StagedFile.expires_at > now()


class FileRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, user_id: int) -> int:
        query = select(func.count()).select_from(StagedFile)
        query = query.where(StagedFile.user_id == user_id, StagedFile.expires_at > now())
        return await self._session.scalar(query) or 0

    async def exists(self, file_id: uuid.UUID) -> bool:
        return await self._session.get(StagedFile, file_id) is not None

    def add(self, **values: Any) -> None:
        """Add a row whose bytes are still to come."""
        self._session.add(StagedFile(created_at=now(), **values))

    async def ready(self, file_id: uuid.UUID, *, expires_at: datetime) -> StagedFile | None:
        """Its bytes are there; None where the row was deleted meanwhile."""
        kept = func.greatest(StagedFile.expires_at, expires_at)
        query = update(StagedFile).where(StagedFile.id == file_id).values(is_ready=True, expires_at=kept)
        return await self._session.scalar(query.returning(StagedFile))

    async def get(self, file_id: uuid.UUID, user_id: int) -> StagedFile | None:
        query = select(StagedFile).where(StagedFile.id == file_id, StagedFile.user_id == user_id, *_there())
        return await self._session.scalar(query)

    async def listed(self, user_id: int, part: Slice) -> Found:
        mine = [StagedFile.user_id == user_id, *_there()]
        query = select(*_SHOWN).order_by(StagedFile.created_at.desc(), StagedFile.id)
        return await page(self._session, query, StagedFile, mine, part)

    async def attach(self, user_id: int, ids: Sequence[uuid.UUID], *, until: datetime) -> dict[uuid.UUID, StagedFile]:
        """Those of the files that are a user's own, each kept until a time at the least."""
        query = update(StagedFile).where(StagedFile.id.in_(ids), StagedFile.user_id == user_id, *_there())
        query = query.values(expires_at=func.greatest(StagedFile.expires_at, until))
        return {found.id: found for found in await self._session.scalars(query.returning(StagedFile))}

    async def expired(self, *, limit: int) -> list[StagedFile]:
        """Those whose time is over, and those of users who were deleted."""
        over = or_(StagedFile.expires_at <= now(), StagedFile.user_id.in_(departed()))
        query = select(StagedFile).where(over).order_by(StagedFile.expires_at)
        return list((await self._session.scalars(query.limit(limit))).all())

    async def delete(self, ids: Sequence[uuid.UUID]) -> None:
        await self._session.execute(delete(StagedFile).where(StagedFile.id.in_(ids)))
