"""The readable text of a page, by trafilatura in a child process."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Final, Self

from agents_backend.domain.errors import UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.article_reader import HEAD
from agents_backend.integrations.pages import Fetched

MARKUP: Final = frozenset({"text/html", "application/xhtml+xml"})
SECONDS: Final = 30.0


@dataclass(frozen=True)
class Article:
    """A page as a model reads it, with what the page says of itself."""

    url: str
    title: str
    text: str


class Reader:
    """Use it as an async context manager, one a process. Its child starts with the first page and reads one at a time."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def read(self, page: Fetched) -> Article:
        """The page's main text; of what is no HTML, the text as it came.

        Raises:
            UpstreamTimeout: the page takes longer than 30 s to read. UpstreamFailed: it cannot be read at all.
        """
        if page.media_type not in MARKUP:
            return Article(page.url, "", page.text)
        html = page.content if page.charset is None else page.text.encode()
        async with self._turn:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._ask(page.url, html)
            except TimeoutError:
                raise UpstreamTimeout("The page takes too long to read.") from None
            except (OSError, EOFError):
                raise UpstreamFailed("The page cannot be read.") from None

    async def _ask(self, url: str, html: bytes) -> Article:
        """One page in, one article out; where that breaks off in the middle, the child goes."""
        child = await self._running()
        if child.stdin is None or child.stdout is None:
            raise EOFError
        whole = False
        try:
            address = url.encode()
            child.stdin.write(HEAD.pack(len(address), len(html)) + address + html)
            await child.stdin.drain()
            size, _ = HEAD.unpack(await child.stdout.readexactly(HEAD.size))
            found = json.loads(await child.stdout.readexactly(size))
            whole = True
        finally:
            if not whole:
                await self._end()
        return Article(url, found["title"], found["text"])

    async def _running(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            command = (sys.executable, "-X", "utf8", "-W", "ignore", "-m", "agents_backend.integrations.article_reader")
            self._child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},  # no secret of ours
                start_new_session=True,  # Ctrl-C is its parent's to answer
            )
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()
