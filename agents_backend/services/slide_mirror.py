"""Slides between PostgreSQL and their sandbox, in both directions: a page that was changed on one side reaches the other.

The digest of the page that both sides last agreed on is kept with each slide. Who differs from it has changed it; where both have,
PostgreSQL's page stays and the sandbox's is put aside beside it, so that nothing is lost.
"""

import asyncio
import hashlib
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
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Clash:
    """A slide that was changed on both sides; the sandbox's page now stands in the file `path` of it."""

    presentation_name: str
    slide_number: int
    path: str


class SlideMirror:
    def __init__(self, *, database: Database, boxes: Boxes) -> None:
        self._database, self._boxes = database, boxes
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def sync(self, sandbox_id: str, box_id: str, *, seconds: int) -> list[Clash] | None:
        """Take what was written in the running sandbox, then write what it does not hold; gives what was changed on both sides.

        None when the sandbox could not be spoken with: it is left for the next time.
        """
        try:
            async with self._turns, self._database.transaction() as session:
                await SandboxRepository(session).lock_file(sandbox_id, FOLDER)
                clashes = await self._take(sandbox_id, box_id, seconds)
                async with self._database.transaction() as reading:
                    behind = await SlideRepository(reading).unmirrored(sandbox_id)
                for slide in behind:
                    await self._bring(slide, box_id, seconds)
        except AgentsError as error:
            _log.warning("slides_not_mirrored", sandbox_id=sandbox_id, code=error.code)
            return None
        return clashes

    async def _take(self, sandbox_id: str, box_id: str, seconds: int) -> list[Clash]:
        there = await self._boxes.digests(box_id, FOLDER, seconds=seconds)
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
                is_taken = await _taken(SlideRepository(session), sandbox_id, page, _digest(data))
            if page.is_deleted:
                if place not in known:
                    await self._boxes.remove(box_id, path, seconds=seconds)
            elif not is_taken:
                aside = put_aside_path(path, digest)
                await self._boxes.write(box_id, aside, data, seconds=seconds)
                clashes.append(Clash(page.presentation_name, page.slide_number, aside))
        return clashes

    async def _bring(self, slide: Slide, box_id: str, seconds: int) -> None:
        path = slide_path(slide.presentation_name, slide.slide_number)
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


async def _taken(rows: SlideRepository, sandbox_id: str, page: SlidePage, digest: str) -> bool:
    """Write a page of the sandbox down; False when both sides have changed it."""
    slide = await rows.at(sandbox_id, page.presentation_name, page.slide_number)
    if slide is None:
        if not page.is_deleted:
            await rows.take(sandbox_id, page, digest)
        return True
    if not page.is_deleted and (slide.title, slide.content) == (page.title, page.content):
        slide.mirrored_version, slide.mirrored_sha256 = slide.version, digest
        return True
    if slide.mirrored_version != slide.version:
        return False
    if page.is_deleted:
        await rows.bury(slide)
    else:
        rows.change(slide, page, digest)
    return True


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
