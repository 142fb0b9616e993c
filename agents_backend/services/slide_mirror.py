"""Slides into their sandbox: PostgreSQL says what they are, the files follow."""

import structlog

from agents_backend.db.base import Database
from agents_backend.db.slides import SlideRepository
from agents_backend.db.tables.sandboxes import Slide
from agents_backend.domain.errors import AgentsError
from agents_backend.domain.slides import slide_page, slide_path
from agents_backend.integrations.sandboxes import Boxes

_log = structlog.get_logger(__name__)


class SlideMirror:
    def __init__(self, *, database: Database, boxes: Boxes) -> None:
        self._database, self._boxes = database, boxes

    async def bring(self, sandbox_id: str, box_id: str, *, seconds: int) -> bool:
        """Write what the running sandbox does not hold yet; False when it could not be, and is left for the next time."""
        async with self._database.transaction() as session:
            behind = await SlideRepository(session).unmirrored(sandbox_id)
        try:
            for slide in behind:
                await self._bring(slide, box_id, seconds)
        except AgentsError as error:
            _log.warning("slides_not_mirrored", sandbox_id=sandbox_id, code=error.code)
            return False
        return True

    async def _bring(self, slide: Slide, box_id: str, seconds: int) -> None:
        path = slide_path(slide.presentation_name, slide.slide_number)
        if slide.deleted_at is None:
            page = slide_page(slide.presentation_name, slide.slide_number, slide.title, slide.content)
            await self._boxes.write(box_id, path, page.encode(), seconds=seconds)
        else:
            async with self._database.transaction() as session:
                is_held = await SlideRepository(session).holds(
                    slide.sandbox_id, slide.presentation_name, slide.slide_number
                )
            if not is_held:
                await self._boxes.remove(box_id, path, seconds=seconds)
        async with self._database.transaction() as session:
            await SlideRepository(session).mirrored(slide.id, slide.version)
