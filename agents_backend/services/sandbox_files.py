"""Files of sandboxes: small ones whole, large ones in passing, with no more of them in memory than a piece."""

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agents_backend.domain.errors import Invalid, TooLarge
from agents_backend.domain.sandboxes import checked_path
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.presigned import PresignedUrls
from agents_backend.integrations.sandboxes import Boxes, BoxFile, Readable
from agents_backend.services.sandbox_access import SandboxAccess
from agents_backend.services.sandbox_lives import box_of, lease_of
from agents_backend.settings import SandboxSettings

MAX_READ = 5_000_000
FETCH_SECONDS = 3600.0


@dataclass(frozen=True)
class FileContent:
    path: str
    content: str
    encoding: Literal["utf-8", "base64"]
    size: int


class SandboxFiles:
    def __init__(
        self,
        *,
        access: SandboxAccess,
        boxes: Boxes,
        pages: Pages,
        presigned: PresignedUrls,
        settings: SandboxSettings,
    ) -> None:
        self._access, self._boxes, self._pages, self._presigned = access, boxes, pages, presigned
        self.max_bytes = settings.max_file_bytes

    async def write(self, sandbox_id: str, user_id: int, path: str, data: bytes | Readable) -> str:
        """Write a file and the folders above it; gives its path.

        Raises:
            NotFound: no such sandbox. SandboxGone: it has ended. Invalid: the path cannot be. TooLarge: the bytes to come
            are too many. SandboxFull, Unavailable.
        """
        path = checked_path(path)
        row = await self._access.running(sandbox_id, user_id)
        if isinstance(data, bytes):
            await self._access.use(row, lambda box, seconds: self._boxes.write(box, path, data, seconds=seconds))
            return path
        await self._access.use(row, lambda box, seconds: self._boxes.stat(box, "/", seconds=seconds))
        bounded = _Bounded(data, self.max_bytes)
        await self._boxes.write(box_of(row), path, bounded, seconds=lease_of(row.expires_at))
        return path

    async def read(self, sandbox_id: str, user_id: int, path: str) -> FileContent:
        """A small file: as text where it is UTF-8, else in base64.

        Raises:
            NotFound: no such sandbox. PathNotFound: no such file. TooLarge: it is to be downloaded instead.
        """
        found, pieces = await self.open(sandbox_id, user_id, path)
        if found.size > MAX_READ:
            raise TooLarge(f"The file has {found.size:,} bytes; more than {MAX_READ:,} are downloaded instead.")
        data = b"".join([piece async for piece in pieces])
        try:
            return FileContent(found.path, data.decode(), "utf-8", len(data))
        except UnicodeDecodeError:
            return FileContent(found.path, base64.b64encode(data).decode(), "base64", len(data))

    async def open(self, sandbox_id: str, user_id: int, path: str) -> tuple[BoxFile, AsyncIterator[bytes]]:
        """A file's size, and its bytes as they come.

        Raises:
            NotFound: no such sandbox. PathNotFound: no such file. Invalid: it is a folder.
        """
        path = checked_path(path)
        row = await self._access.running(sandbox_id, user_id)
        found = await self._access.use(row, lambda box, seconds: self._boxes.stat(box, path, seconds=seconds))
        if found.is_folder:
            raise Invalid.field("path", "this is a folder")
        return found, self._boxes.read(box_of(row), path, seconds=lease_of(row.expires_at))

    async def list(self, sandbox_id: str, user_id: int, path: str) -> Sequence[BoxFile]:
        """What a folder holds, by name.

        Raises:
            NotFound: no such sandbox. PathNotFound: no such folder. Invalid: it is a file.
        """
        path = checked_path(path)
        row = await self._access.running(sandbox_id, user_id)
        return await self._access.use(row, lambda box, seconds: self._boxes.list(box, path, seconds=seconds))

    async def make_folder(self, sandbox_id: str, user_id: int, path: str) -> tuple[str, bool]:
        """Make a folder and those above it; whether it is new."""
        path = checked_path(path)
        row = await self._access.running(sandbox_id, user_id)
        made = await self._access.use(row, lambda box, seconds: self._boxes.make_folder(box, path, seconds=seconds))
        return path, made

    async def remove(self, sandbox_id: str, user_id: int, path: str) -> None:
        """Remove a file or folder; one that is not there is no error."""
        path = checked_path(path)
        row = await self._access.running(sandbox_id, user_id)
        await self._access.use(row, lambda box, seconds: self._boxes.remove(box, path, seconds=seconds))

    async def fetch(self, sandbox_id: str, user_id: int, url: str, path: str) -> str:
        """Write what a public URL leads to into a file.

        Raises:
            AddressRefused: the URL, or one that it redirects to, is not allowed. TooLarge, UpstreamFailed, UpstreamTimeout.
        """
        checked_path(path)
        await self._access.find(sandbox_id, user_id)
        async with self._pages.stream(url, max_bytes=self.max_bytes, seconds=FETCH_SECONDS) as download:
            return await self.write(sandbox_id, user_id, path, download)

    async def send(self, sandbox_id: str, user_id: int, path: str, url: str) -> int:
        """PUT a file to a presigned public URL; gives its size.

        Raises:
            AddressRefused: the URL is not allowed. UpstreamFailed: it was not taken. PathNotFound: no such file.
        """
        checked_path(path)
        await self._access.find(sandbox_id, user_id)
        self._presigned.check(url)
        found, pieces = await self.open(sandbox_id, user_id, path)
        await self._presigned.put(url, pieces, size=found.size, seconds=FETCH_SECONDS)
        return found.size


class _Bounded:
    """Passes bytes on until there are too many."""

    def __init__(self, pieces: Readable, limit: int) -> None:
        self._pieces, self._limit = pieces, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._pieces:
            size += len(piece)
            if size > self._limit:
                raise TooLarge(f"The file is larger than {self._limit:,} bytes.")
            yield piece
