"""A presentation as one file: PDF by the Chromium of its sandbox, PPTX from its texts.

The pages are somebody's HTML: they are rendered within the sandbox, where they came from, and never on this machine.
"""

import asyncio
import shlex
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from agents_backend.db.tables.sandboxes import Slide
from agents_backend.domain.errors import AgentsError, Conflict, NotFound, SandboxFailed
from agents_backend.domain.slides import HEIGHT, WIDTH, slide_page
from agents_backend.integrations.sandboxes import Boxes, NewCommand
from agents_backend.integrations.slide_files import joined, pptx_of
from agents_backend.services.sandbox_access import SandboxAccess
from agents_backend.services.slides import Slides

Format = Literal["pdf", "pptx"]
MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
MOST_SLIDES = 200
RENDER_SECONDS = 120
_NO_CHROMIUM = 96
# Debian's `chromium` is a launcher that wants /etc/chromium.d; the program itself comes first. Each page is a file, so that no page's style or script reaches another; the PDFs are joined by the caller.
_RENDER = f"""
cd "$1" || exit 1
for name in /usr/lib/chromium/chromium chromium chromium-browser google-chrome; do command -v $name > /dev/null && break; name=; done
[ -n "$name" ] || exit {_NO_CHROMIUM}
for page in *.html; do
    timeout 30 $name --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run \\
        --user-data-dir="$1/profile" --no-pdf-header-footer --virtual-time-budget=2000 \\
        --print-to-pdf="$1/${{page%.html}}.pdf" "file://$1/$page" > "$1/log" 2>&1 || exit 1
done
"""
_SIZED = f"<style>@page {{ size: {WIDTH}px {HEIGHT}px; margin: 0 }}</style>"


@dataclass(frozen=True)
class Export:
    name: str
    media_type: str
    content: bytes


class SlideExports:
    def __init__(self, *, slides: Slides, access: SandboxAccess, boxes: Boxes) -> None:
        self._slides, self._access, self._boxes = slides, access, boxes

    async def export(self, sandbox_id: str, user_id: int, *, presentation: str | None, format: Format) -> Export:  # noqa: A002  # the reference's word
        """All slides of a presentation, or of the sandbox, as one file.

        Raises:
            NotFound: there are no slides. Conflict: PDF needs a sandbox that lives and has Chromium. Unavailable: E2B fails.
        """
        found, total = await self._slides.list(sandbox_id, user_id, presentation=presentation, page=1, size=MOST_SLIDES)
        if not found:
            raise NotFound("There are no slides to export.", code="SLIDE_NOT_FOUND")
        if total > MOST_SLIDES:
            raise Conflict(
                f"An export takes at most {MOST_SLIDES} slides; name one presentation.", code="TOO_MANY_SLIDES"
            )
        name = f"{presentation or 'slides'}.{format}"
        if format == "pptx":
            pages = [(slide.title, slide.content) for slide in found]
            return Export(name, MEDIA_TYPES[format], await asyncio.to_thread(pptx_of, pages))
        return Export(name, MEDIA_TYPES[format], await self._pdf(sandbox_id, user_id, found))

    async def _pdf(self, sandbox_id: str, user_id: int, slides: Sequence[Slide]) -> bytes:
        row = await self._access.running(sandbox_id, user_id)
        folder = f"/tmp/agents-export-{uuid.uuid4().hex}"  # noqa: S108  # the sandbox's own
        return await self._access.use(row, lambda box, seconds: self._render(box, seconds, folder, slides))

    async def _render(self, box: str, seconds: int, folder: str, slides: Sequence[Slide]) -> bytes:
        try:
            for number, slide in enumerate(slides, start=1):
                page = slide_page(slide.presentation_name, slide.slide_number, slide.title, slide.content) + _SIZED
                await self._boxes.write(box, f"{folder}/{number:03}.html", page.encode(), seconds=seconds)
            command = f"bash -c {shlex.quote(_RENDER)} render {folder}"
            new = NewCommand(f"export-{uuid.uuid4().hex}", command, None, {}, RENDER_SECONDS)
            report = await self._boxes.start_command(box, new, wait=RENDER_SECONDS + 5, seconds=seconds)
            if report.exit_code == _NO_CHROMIUM:
                raise Conflict("PDF needs Chromium in the sandbox; its template has none.", code="EXPORT_UNAVAILABLE")
            if report.exit_code != 0:
                raise SandboxFailed("Chromium could not print the slides.")
            pages = [await self._read(box, f"{folder}/{n:03}.pdf", seconds) for n in range(1, len(slides) + 1)]
        finally:
            with suppress(AgentsError):  # the export's own end counts; what stays is in the sandbox's /tmp
                await self._boxes.remove(box, folder, seconds=seconds)
        return await asyncio.to_thread(joined, pages)

    async def _read(self, box: str, path: str, seconds: int) -> bytes:
        pieces: AsyncIterator[bytes] = self._boxes.read(box, path, seconds=seconds)
        return b"".join([piece async for piece in pieces])
