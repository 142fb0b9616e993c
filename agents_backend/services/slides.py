"""Slides: kept in PostgreSQL, mirrored into their sandbox, outliving it."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from agents_backend.db.base import Database, now
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.slides import SlideRepository
from agents_backend.db.tables.sandboxes import Sandbox, Slide
from agents_backend.domain.errors import Conflict, Invalid, NotFound
from agents_backend.domain.sandboxes import SandboxStatus
from agents_backend.domain.slides import MAX_NUMBER
from agents_backend.services.idempotency import claim
from agents_backend.services.sandbox_lives import box_of, lease_of
from agents_backend.services.slide_mirror import Clash, SlideMirror


@dataclass(frozen=True)
class NewSlide:
    """`slide_number` None: after the last one."""

    presentation_name: str
    title: str
    content: str
    slide_number: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class SlideChange:
    """What is None stays. With `version`, the change is made only to that version of the slide."""

    presentation_name: str | None = None
    slide_number: int | None = None
    title: str | None = None
    content: str | None = None
    version: int | None = None


class Slides:
    def __init__(self, *, database: Database, mirror: SlideMirror) -> None:
        self._database, self._mirror = database, mirror

    async def list(
        self, sandbox_id: str, user_id: int, *, presentation: str | None, page: int, size: int
    ) -> tuple[Sequence[Slide], int]:
        """The slides of a sandbox, by presentation and number, and how many there are; what was written in it is among them.

        Raises:
            NotFound: no such sandbox, or somebody else's.
        """
        await self.take(sandbox_id, user_id)
        async with self._database.transaction() as session:
            rows = SlideRepository(session)
            return await rows.slides(sandbox_id, presentation=presentation, offset=(page - 1) * size, limit=size)

    async def get(self, sandbox_id: str, user_id: int, slide_id: uuid.UUID) -> Slide:
        """A slide, as it is in the sandbox now.

        Raises:
            NotFound: no such slide.
        """
        await self.take(sandbox_id, user_id)
        return await self._get(sandbox_id, user_id, slide_id)

    async def _get(self, sandbox_id: str, user_id: int, slide_id: uuid.UUID) -> Slide:
        async with self._database.transaction() as session:
            await _sandbox(SandboxRepository(session), sandbox_id, user_id)
            return await _slide(SlideRepository(session), sandbox_id, slide_id)

    async def create(self, sandbox_id: str, user_id: int, new: NewSlide) -> Slide:
        """Add a slide, or find the one of this Idempotency-Key.

        Raises:
            NotFound: no such sandbox. Conflict: its place is taken. IdempotencyMismatch: the key was used for another body.
        """
        wanted = uuid.uuid4()
        body = [sandbox_id, new.presentation_name, new.slide_number, new.title, new.content]
        async with self._turn(sandbox_id, user_id), self._database.transaction() as session:
            claimed = await claim(
                session, user_id, new.idempotency_key, operation="slide", body=body, wanted=str(wanted)
            )
            if claimed != str(wanted):
                return await _slide(SlideRepository(session), sandbox_id, uuid.UUID(claimed))
            rows = SlideRepository(session)
            number = new.slide_number or await rows.next_number(sandbox_id, new.presentation_name)
            if number > MAX_NUMBER:
                raise Invalid.field("slide_number", f"a presentation has at most {MAX_NUMBER} slides")
            slide_id = await rows.add(
                wanted,
                sandbox_id=sandbox_id,
                user_id=user_id,
                presentation_name=new.presentation_name,
                slide_number=number,
                title=new.title,
                content=new.content,
                is_users=True,
            )
            if slide_id is None:
                raise _taken(new.presentation_name, number)
        return await self._get(sandbox_id, user_id, slide_id)

    async def change(self, sandbox_id: str, user_id: int, slide_id: uuid.UUID, change: SlideChange) -> Slide:
        """Change a slide, or move it.

        Raises:
            NotFound: no such slide. Conflict: the new place is taken, or another version is the present one.
        """
        async with self._turn(sandbox_id, user_id), self._database.transaction() as session:
            rows = SlideRepository(session)
            slide = await _slide(rows, sandbox_id, slide_id, lock=True)
            if change.version not in {None, slide.version}:
                raise Conflict(f"The slide has been changed: its version is {slide.version}.", code="SLIDE_CHANGED")
            await _move(rows, slide, change)
            slide.title = change.title if change.title is not None else slide.title
            slide.content = change.content if change.content is not None else slide.content
            slide.is_users = slide.is_users or change.title is not None or change.content is not None
            slide.version, slide.updated_at = slide.version + 1, now()
        return await self._get(sandbox_id, user_id, slide_id)

    async def delete(self, sandbox_id: str, user_id: int, slide_id: uuid.UUID) -> None:
        """Delete a slide; the numbers of the others stay.

        Raises:
            NotFound: no such slide.
        """
        async with self._turn(sandbox_id, user_id), self._database.transaction() as session:
            rows = SlideRepository(session)
            await rows.bury(await _slide(rows, sandbox_id, slide_id, lock=True))

    async def take(self, sandbox_id: str, user_id: int) -> Sequence[Clash]:
        """Take up what was written in one's own sandbox; gives what was changed on both sides.

        Raises:
            NotFound: no such sandbox, or somebody else's.
        """
        sandbox = await self._own(sandbox_id, user_id)
        if sandbox.status != SandboxStatus.RUNNING:
            return []
        return await self._mirror.sync(sandbox.id, box_of(sandbox), seconds=lease_of(sandbox.expires_at))

    def tool_turn(self, sandbox_id: str, box_id: str, *, seconds: int) -> AbstractAsyncContextManager[None]:
        """The turn in which a slide tool of the sandbox is called: it sees what the user changed last, and is taken up at once.

        Raises:
            SandboxGone: it has ended, or is paused. Unavailable: E2B, the sandbox or PostgreSQL fails.
        """
        return self._mirror.turn(sandbox_id, box_id, seconds=seconds)

    @asynccontextmanager
    async def _turn(self, sandbox_id: str, user_id: int) -> AsyncIterator[None]:
        """The turn of a user's change; a sandbox that does not run is brought up to date when it is resumed."""
        sandbox = await self._own(sandbox_id, user_id)
        box_id = box_of(sandbox) if sandbox.status == SandboxStatus.RUNNING else None
        async with self._mirror.kept_turn(sandbox.id, box_id, seconds=lease_of(sandbox.expires_at)):
            yield

    async def _own(self, sandbox_id: str, user_id: int) -> Sandbox:
        async with self._database.transaction() as session:
            return await _sandbox(SandboxRepository(session), sandbox_id, user_id)


async def _move(rows: SlideRepository, slide: Slide, change: SlideChange) -> None:
    presentation = change.presentation_name or slide.presentation_name
    number = change.slide_number or slide.slide_number
    if (presentation, number) == (slide.presentation_name, slide.slide_number):
        return
    await rows.next_number(slide.sandbox_id, presentation)  # holds the place against others
    if await rows.is_taken(slide, presentation, number):
        raise _taken(presentation, number)
    await rows.leave_place(slide)
    slide.presentation_name, slide.slide_number = presentation, number


def _taken(presentation: str, number: int) -> Conflict:
    return Conflict(f"{presentation} has a slide {number} already.", code="SLIDE_EXISTS")


async def _sandbox(rows: SandboxRepository, sandbox_id: str, user_id: int) -> Sandbox:
    """One's own sandbox, the deleted ones too: slides outlive it."""
    found = await rows.sandbox(sandbox_id, user_id=user_id)
    if found is None:
        raise NotFound("There is no such sandbox.", code="SANDBOX_NOT_FOUND")
    return found


async def _slide(rows: SlideRepository, sandbox_id: str, slide_id: uuid.UUID, *, lock: bool = False) -> Slide:
    found = await rows.slide(sandbox_id, slide_id, lock=lock)
    if found is None:
        raise NotFound("There is no such slide.", code="SLIDE_NOT_FOUND")
    return found
