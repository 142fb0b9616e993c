"""A document read into its sections, by a child process of its own: bounded in time, memory and what it may say."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final

from agents_backend.domain.passages import Section
from agents_backend.integrations.parsing.kinds import DocumentRefused, Kind
from agents_backend.integrations.parsing.parsers import TOO_COMPLEX, Limits
from agents_backend.settings import RagSettings

_LINE: Final = 64 * 1024 * 1024  # one section's JSON, at most
_AT_ONCE: Final = 2  # children of one process: each may take its whole memory
_PIECE: Final = 256 * 1024


@dataclass(frozen=True)
class File:
    """A file as it came; `charset` as the server that it is from named it."""

    content: bytes
    file_name: str = ""
    media_type: str = ""
    charset: str | None = None


@dataclass(frozen=True)
class ReadDocument:
    kind: Kind
    title: str
    pages: int
    sections: tuple[Section, ...]

    @property
    def characters(self) -> int:
        return sum(len(section.text) for section in self.sections)


class Reader:
    def __init__(self, settings: RagSettings) -> None:
        self._settings = settings
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read(self, file: File) -> ReadDocument:
        """The file's sections.

        Raises:
            DocumentRefused: it cannot be read; `code` and the sentence say why.
        """
        async with self._turns:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-X", "utf8", "-W", "ignore", "-m", "agents_backend.integrations.parsing.child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},  # no secret of ours
                start_new_session=True,  # Ctrl-C is its parent's to answer
                limit=_LINE,
            )
            try:
                async with asyncio.timeout(self._settings.parse_seconds):
                    _, found = await asyncio.gather(self._give(child, file), _heard(child))
            except (TimeoutError, ValueError):  # it takes too long, or a line is longer than any that it may say
                raise DocumentRefused(TOO_COMPLEX, code="DOCUMENT_TOO_COMPLEX") from None
            finally:
                if child.returncode is None:
                    child.kill()
                await asyncio.shield(child.wait())
        return found

    async def _give(self, child: asyncio.subprocess.Process, file: File) -> None:
        own = self._settings
        limits = Limits(pages=own.max_pages, characters=own.max_characters, unpacked_bytes=own.max_unpacked_bytes)
        head = {
            "file_name": file.file_name,
            "media_type": file.media_type,
            "charset": file.charset,
            "limits": asdict(limits),
            "memory": own.parse_memory_bytes,
            "seconds": max(1, int(own.parse_seconds)),
        }
        if child.stdin is None:
            raise ValueError
        try:
            child.stdin.write(json.dumps(head).encode() + b"\n")
            for at in range(0, len(file.content), _PIECE):  # all at once would be copied whole, and hold the event loop
                child.stdin.write(file.content[at : at + _PIECE])
                await child.stdin.drain()
            child.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            return  # it has died; what it said, or did not say, tells how


async def _heard(child: asyncio.subprocess.Process) -> ReadDocument:
    sections: list[Section] = []
    if child.stdout is None:
        raise ValueError
    async for line in child.stdout:
        said: dict[str, Any] = json.loads(line)
        if (refused := said.get("refused")) is not None:
            raise DocumentRefused(refused["detail"], code=refused["code"])
        if (done := said.get("done")) is not None:
            if not sections:
                raise DocumentRefused("There is no text in the document.", code="DOCUMENT_WITHOUT_TEXT")
            return ReadDocument(done["kind"], done["title"], done["pages"], tuple(sections))
        sections.append(Section.model_validate(said["section"]))
    raise DocumentRefused(TOO_COMPLEX, code="DOCUMENT_TOO_COMPLEX")  # it was ended by the kernel, or crashed
