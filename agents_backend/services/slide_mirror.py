"""Slides between PostgreSQL and their sandbox, in both directions: a page that was changed on one side reaches the other.

Whoever changes slides here, a user's request or an agent's slide tool, does it in a turn: nobody else's change falls between his look at
what stands and his own. Programs in the sandbox know nothing of turns. So the digest of the page that both sides last agreed on is kept
with each slide: who differs from it has changed it; where both have, PostgreSQL's page stays and the sandbox's is put aside beside it.
Where a program has written over a page of the user's, the program's stays and the user's is put aside. So nothing is lost.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from agents_backend.db.base import Database
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.slides import SlideRepository
from agents_backend.db.tables.sandboxes import Slide
from agents_backend.domain.errors import AgentsError
from agents_backend.domain.slides import (
    FOLDER,
    SlidePage,
    parse_page,
    place_of,
    put_aside_path,
    slide_page,
    slide_path,
)
from agents_backend.integrations.sandboxes import Boxes

# A turn holds a connection to PostgreSQL while it speaks with the sandbox.
_AT_ONCE: Final = 4
_MOST_LEVELS: Final = 3
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Clash:
    """A slide that the user and a program have both written; the page that did not stay is in the sandbox's file `path`.

    Attributes:
        is_users: whether that is the user's page: else the user's stayed.
    """

    presentation_name: str
    slide_number: int
    path: str
    is_users: bool


class SlideMirror:
    def __init__(self, *, database: Database, boxes: Boxes) -> None:
        self._database, self._boxes = database, boxes
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def turn(self, sandbox_id: str, box_id: str, *, seconds: int) -> AsyncIterator[None]:
        """A running sandbox's slides for oneself: both sides are the same when the block begins, and again when it has ended well.

        What is written in the block is written by who has seen what stood there.

        Nobody may wait in it for the sandbox's workflow, which may be waiting for its own turn.

        Raises:
            Unavailable: E2B, the sandbox or PostgreSQL fails. SandboxGone: it has ended, or is paused.
        """
        async with self._alone(sandbox_id):
            await self._level(sandbox_id, box_id, seconds)
            yield
            await self._level(sandbox_id, box_id, seconds, is_seen=True)

    @asynccontextmanager
    async def kept_turn(self, sandbox_id: str, box_id: str | None, *, seconds: int) -> AsyncIterator[None]:
        """A turn to change PostgreSQL in, which a sandbox that cannot be spoken with does not stop: it is left for the next time.

        Without `box_id` nothing is mirrored.
        """
        async with self._alone(sandbox_id):
            is_reached = await self._has_levelled(sandbox_id, box_id, seconds)
            yield
            if is_reached:
                await self._has_levelled(sandbox_id, box_id, seconds)

    async def sync(self, sandbox_id: str, box_id: str, *, seconds: int) -> list[Clash]:
        """Make both sides of a running sandbox's slides the same; gives what was changed on both.

        What cannot be done now is left for the next time.
        """
        try:
            async with self._alone(sandbox_id):
                return await self._level(sandbox_id, box_id, seconds)
        except AgentsError as error:
            _log.warning("slides_not_mirrored", sandbox_id=sandbox_id, code=error.code)
            return []

    @asynccontextmanager
    async def _alone(self, sandbox_id: str) -> AsyncIterator[None]:
        async with self._turns, self._database.transaction() as session:
            await SandboxRepository(session).lock_file(sandbox_id, FOLDER)
            yield

    async def _has_levelled(self, sandbox_id: str, box_id: str | None, seconds: int) -> bool:
        if box_id is None:
            return False
        try:
            await self._level(sandbox_id, box_id, seconds)
        except AgentsError as error:
            _log.warning("slides_not_mirrored", sandbox_id=sandbox_id, code=error.code)
            return False
        return True

    async def _level(self, sandbox_id: str, box_id: str, seconds: int, *, is_seen: bool = False) -> list[Clash]:
        """Take what was written in the sandbox, then write what it does not hold; again if programs wrote meanwhile.

        `is_seen`: whoever wrote there knew what he wrote over.
        """
        clashes: list[Clash] = []
        for _ in range(_MOST_LEVELS):
            there = await self._boxes.digests(box_id, FOLDER, seconds=seconds)
            clashes += await self._take(sandbox_id, box_id, there, seconds, is_seen=is_seen)
            async with self._database.transaction() as session:
                behind = await SlideRepository(session).unmirrored(sandbox_id)
            brought = [await self._bring(slide, box_id, there, seconds) for slide in behind]
            if all(brought):
                break
        return clashes

    async def _take(
        self, sandbox_id: str, box_id: str, there: Mapping[str, str], seconds: int, *, is_seen: bool
    ) -> list[Clash]:
        async with self._database.transaction() as session:
            known = await SlideRepository(session).digests(sandbox_id)
        clashes = []
        for path, digest in there.items():
            place = place_of(path)
            if place is None or known.get(place, "") in {digest, None}:
                continue
            data = b"".join([piece async for piece in self._boxes.read(box_id, path, seconds=seconds)])
            page = parse_page(*place, data.decode(errors="replace"))
            if page is None:
                continue
            async with self._database.transaction() as session:
                rows = SlideRepository(session)
                slide = await rows.at(sandbox_id, page.presentation_name, page.slide_number)
                loser = _loser(slide, page, data, is_seen=is_seen)
                if loser is not None:  # kept before it is covered
                    aside = put_aside_path(path, _digest(loser))
                    await self._boxes.write(box_id, aside, loser, seconds=seconds)
                    clashes.append(Clash(page.presentation_name, page.slide_number, aside, is_users=loser != data))
                await _take_page(rows, sandbox_id, slide, page, _digest(data))
            if page.is_deleted and place not in known:
                await self._boxes.remove(box_id, path, seconds=seconds)
        return clashes

    async def _bring(self, slide: Slide, box_id: str, there: Mapping[str, str], seconds: int) -> bool:
        """Write a page into the sandbox, or remove it; False if its file is not what it was in `there`: it is to be taken first."""
        path = slide_path(slide.presentation_name, slide.slide_number)
        present = await self._boxes.digests(box_id, FOLDER, seconds=seconds)
        if present.get(path) != there.get(path):
            return False
        digest = None
        if slide.deleted_at is None:
            page = slide_page(slide.presentation_name, slide.slide_number, slide.title, slide.content).encode()
            await self._boxes.write(box_id, path, page, seconds=seconds)
            digest = _digest(page)
        else:
            async with self._database.transaction() as session:
                is_held = await SlideRepository(session).holds(
                    slide.sandbox_id, slide.presentation_name, slide.slide_number
                )
            if not is_held:
                await self._boxes.remove(box_id, path, seconds=seconds)
        async with self._database.transaction() as session:
            await SlideRepository(session).mirrored(slide.id, slide.version, digest)
        return True


def _loser(slide: Slide | None, page: SlidePage, data: bytes, *, is_seen: bool) -> bytes | None:
    """Which page would be lost: the sandbox's, since the user has changed his meanwhile, or the user's, which a program wrote over unseen."""
    if slide is None or page.is_deleted or _is_same(slide, page):
        return None
    if slide.mirrored_version != slide.version:
        return data
    if slide.is_users and not is_seen:
        return slide_page(slide.presentation_name, slide.slide_number, slide.title, slide.content).encode()
    return None


async def _take_page(rows: SlideRepository, sandbox_id: str, slide: Slide | None, page: SlidePage, digest: str) -> None:
    """Write a page of the sandbox down, unless both sides have changed it."""
    if slide is None:
        if not page.is_deleted:
            await rows.take(sandbox_id, page, digest)
    elif not page.is_deleted and _is_same(slide, page):
        slide.mirrored_version, slide.mirrored_sha256 = slide.version, digest
    elif slide.mirrored_version != slide.version:
        return
    elif page.is_deleted:
        await rows.bury(slide)
    else:
        rows.change(slide, page, digest)


def _is_same(slide: Slide, page: SlidePage) -> bool:
    return (slide.title, slide.content) == (page.title, page.content)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
