"""SQL of slides."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.sandboxes import Sandbox, Slide
from agents_backend.domain.slides import SlidePage, folder_of


class SlideRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def slides(
        self, sandbox_id: str, *, presentation: str | None, offset: int = 0, limit: int = 1000
    ) -> tuple[Sequence[Slide], int]:
        here = [Slide.sandbox_id == sandbox_id, Slide.deleted_at.is_(None)]
        if presentation is not None:
            here.append(Slide.presentation_name == presentation)
        total = await self._session.scalar(select(func.count()).select_from(Slide).where(*here))
        query = select(Slide).where(*here).order_by(Slide.presentation_name, Slide.slide_number)
        return (await self._session.scalars(query.offset(offset).limit(limit))).all(), total or 0

    async def slide(self, sandbox_id: str, slide_id: uuid.UUID, *, lock: bool = False) -> Slide | None:
        query = select(Slide).where(Slide.sandbox_id == sandbox_id, Slide.id == slide_id, Slide.deleted_at.is_(None))
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def add(self, slide_id: uuid.UUID, **values: Any) -> uuid.UUID | None:
        """Add a slide; None when its place is taken."""
        query = insert(Slide).values(
            id=slide_id, version=1, mirrored_version=0, created_at=now(), updated_at=now(), **values
        )
        return await self._session.scalar(query.on_conflict_do_nothing().returning(Slide.id))

    async def is_taken(self, slide: Slide, presentation: str, number: int) -> bool:
        """Whether another slide has this place."""
        query = select(Slide.id).where(
            Slide.sandbox_id == slide.sandbox_id,
            Slide.presentation_name == presentation,
            Slide.slide_number == number,
            Slide.deleted_at.is_(None),
            Slide.id != slide.id,
        )
        return await self._session.scalar(query) is not None

    async def next_number(self, sandbox_id: str, presentation: str) -> int:
        """One more than the last; whoever else asks at once waits."""
        await self._session.scalar(select(Sandbox.id).where(Sandbox.id == sandbox_id).with_for_update())
        query = select(func.max(Slide.slide_number)).where(
            Slide.sandbox_id == sandbox_id, Slide.presentation_name == presentation, Slide.deleted_at.is_(None)
        )
        return (await self._session.scalar(query) or 0) + 1

    async def bury(self, slide: Slide) -> None:
        """Leave a deleted slide's place behind, so that its file is removed from the sandbox."""
        slide.deleted_at, slide.version = now(), slide.version + 1

    async def leave_place(self, slide: Slide) -> None:
        """Remember the place that a moved slide had."""
        values = {name: getattr(slide, name) for name in ("sandbox_id", "user_id", "presentation_name", "slide_number")}
        values["mirrored_sha256"], slide.mirrored_sha256 = slide.mirrored_sha256, None
        self._session.add(Slide(**values, title="", content="", version=1, mirrored_version=0, deleted_at=now()))

    async def unmirrored(self, sandbox_id: str) -> Sequence[Slide]:
        """What the sandbox does not hold yet; deleted ones first, for their place may have been taken again."""
        query = select(Slide).where(Slide.sandbox_id == sandbox_id, Slide.version > Slide.mirrored_version)
        return (await self._session.scalars(query.order_by(Slide.deleted_at.asc().nulls_last(), Slide.id))).all()

    async def mirrored(self, slide_id: uuid.UUID, version: int, digest: str | None) -> None:
        """The sandbox holds this version, a page of this SHA-256; a deleted one is gone for good."""
        values = {"mirrored_version": version, "mirrored_sha256": digest}
        await self._session.execute(update(Slide).where(Slide.id == slide_id, Slide.version == version).values(values))
        await self._session.execute(delete(Slide).where(Slide.id == slide_id, Slide.deleted_at.is_not(None)))

    async def digests(self, sandbox_id: str) -> dict[tuple[str, int], str | None]:
        """The SHA-256 of the page that the sandbox was last known to hold, by its folder and number; None: a removal is under way."""
        query = select(Slide.presentation_name, Slide.slide_number, Slide.mirrored_sha256, Slide.deleted_at)
        query = query.where(Slide.sandbox_id == sandbox_id).order_by(Slide.deleted_at.asc().nulls_last())
        found: dict[tuple[str, int], str | None] = {}
        for presentation, number, digest, deleted_at in await self._session.execute(query):
            found[folder_of(presentation), number] = digest or (None if deleted_at else "")
        return found

    async def at(self, sandbox_id: str, presentation: str, number: int) -> Slide | None:
        """The living slide of a place, locked; whoever would take a place waits."""
        await self._session.scalar(select(Sandbox.id).where(Sandbox.id == sandbox_id).with_for_update())
        query = select(Slide).where(
            Slide.sandbox_id == sandbox_id,
            Slide.presentation_name == presentation,
            Slide.slide_number == number,
            Slide.deleted_at.is_(None),
        )
        return await self._session.scalar(query.with_for_update())

    async def take(self, sandbox_id: str, page: SlidePage, digest: str) -> None:
        """Add a slide that was written in the sandbox."""
        user_id = await self._session.scalar(select(Sandbox.user_id).where(Sandbox.id == sandbox_id))
        self._session.add(
            Slide(
                sandbox_id=sandbox_id,
                user_id=user_id,
                presentation_name=page.presentation_name,
                slide_number=page.slide_number,
                title=page.title,
                content=page.content,
                version=1,
                mirrored_version=1,
                mirrored_sha256=digest,
            )
        )

    def change(self, slide: Slide, page: SlidePage, digest: str) -> None:
        """A slide that was changed in the sandbox."""
        slide.title, slide.content, slide.updated_at = page.title, page.content, now()
        slide.version = slide.mirrored_version = slide.version + 1
        slide.mirrored_sha256, slide.is_users = digest, False

    async def holds(self, sandbox_id: str, presentation: str, number: int) -> bool:
        """Whether a living slide has this place."""
        query = select(Slide.id).where(
            Slide.sandbox_id == sandbox_id,
            Slide.presentation_name == presentation,
            Slide.slide_number == number,
            Slide.deleted_at.is_(None),
        )
        return await self._session.scalar(query) is not None
