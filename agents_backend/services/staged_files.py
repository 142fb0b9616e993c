"""Files that users bring: staged, then attached to chats by their ids. The row first, then the object, so that no object is forgotten."""

import hashlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import Database, now
from agents_backend.db.files import FileRepository
from agents_backend.db.lists import Found, Slice
from agents_backend.db.tables.files import StagedFile
from agents_backend.domain.errors import IdempotencyGone, NotFound, TooLarge, TooMany
from agents_backend.domain.media_types import HEAD, TextCheck, sniff
from agents_backend.integrations.storage import Storage
from agents_backend.services.idempotency import claim
from agents_backend.settings import FileSettings

OPERATION = "upload_file"
UPLOAD_TIME = timedelta(hours=1)  # after which what a dead upload left is deleted
_IN_MEMORY = 1_000_000
_AT_ONCE = 100
_NAME = 255


@dataclass(frozen=True)
class Upload:
    """A file on its way in: `pieces` are read once."""

    user_id: int
    name: str
    pieces: AsyncIterator[bytes]
    idempotency_key: str | None = None


@dataclass(frozen=True)
class _Received:
    size: int
    sha256: str
    media_type: str


class StagedFiles:
    def __init__(self, *, database: Database, storage: Storage, settings: FileSettings) -> None:
        self._database, self._storage, self._settings = database, storage, settings

    async def upload(self, upload: Upload) -> StagedFile:
        """Keep a file for a while; the same Idempotency-Key with the same file gives the one that it gave before.

        Raises:
            TooLarge: more than FILES_MAX_BYTES. TooMany: the user has too many. IdempotencyMismatch: the key was used for another file.
            IdempotencyGone: the file was deleted since.
            StorageFull: there is no room. Unavailable: the storage or PostgreSQL is away. Invalid: the form breaks off.
        """
        await self._storage.check()
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as aside:
            name = clean_name(upload.name)
            received = await self._receive(upload.pieces, name, aside)
            file_id = await self._announce(upload, name, received)
            await anyio.to_thread.run_sync(aside.seek, 0)
            await self._storage.write(key_of(file_id), await anyio.to_thread.run_sync(aside.read))
        async with self._database.transaction() as session:
            expires = now() + timedelta(hours=self._settings.staged_hours)
            made = await FileRepository(session).ready(file_id, expires_at=expires)
        if made is None:
            raise IdempotencyGone
        return made

    async def _receive(self, pieces: AsyncIterator[bytes], name: str, aside: IO[bytes]) -> _Received:
        size, digest, text, head = 0, hashlib.sha256(), TextCheck(), b""
        async for piece in pieces:
            size += len(piece)
            if size > self._settings.max_bytes:
                raise TooLarge(f"file: more than {self._settings.max_bytes:,} bytes.")
            digest.update(piece)
            text.feed(piece)
            head += piece[: max(0, HEAD - len(head))]
            await anyio.to_thread.run_sync(aside.write, piece)
        return _Received(size, digest.hexdigest(), sniff(head, name, is_text=text.end()))

    async def _announce(self, upload: Upload, name: str, received: _Received) -> uuid.UUID:
        async with self._database.transaction() as session:
            wanted, rows = str(uuid.uuid4()), FileRepository(session)
            found = await claim(
                session,
                upload.user_id,
                upload.idempotency_key,
                operation=OPERATION,
                body=[name, received.sha256],
                wanted=wanted,
            )
            file_id = uuid.UUID(found)
            if found != wanted:
                if not await rows.exists(file_id):
                    raise IdempotencyGone
                return file_id  # an upload that died in the middle goes on
            if await rows.count(upload.user_id) >= self._settings.per_user:
                raise TooMany("You have too many files; delete some.", code="TOO_MANY_FILES")
            rows.add(
                id=file_id,
                user_id=upload.user_id,
                name=name,
                media_type=received.media_type,
                size=received.size,
                sha256=received.sha256,
                key=key_of(file_id),
                expires_at=now() + UPLOAD_TIME,
            )
        return file_id

    async def list(self, user_id: int, part: Slice) -> Found:
        """One's files, the newest first."""
        async with self._database.autocommit() as session:
            return await FileRepository(session).listed(user_id, part)

    async def get(self, file_id: uuid.UUID, user_id: int) -> StagedFile:
        """One's own file.

        Raises:
            NotFound: none, somebody else's, or its time is over.
        """
        async with self._database.autocommit() as session:
            found = await FileRepository(session).get(file_id, user_id)
        if found is None:
            raise NotFound("There is no such file.", code="FILE_NOT_FOUND")
        return found

    async def delete(self, file_id: uuid.UUID, user_id: int) -> None:
        """Delete one's own file at once; chats that it is attached to keep its name.

        Raises:
            NotFound: none, or somebody else's. Unavailable: the storage does not answer; the file stays.
        """
        found = await self.get(file_id, user_id)
        await self._storage.delete([found.key])
        async with self._database.transaction() as session:
            await FileRepository(session).delete([found.id])

    async def expire(self) -> int:
        """Delete the files whose time is over, and those of users who were deleted, objects before rows; how many."""
        gone = 0
        while True:
            async with self._database.autocommit() as session:
                old = await FileRepository(session).expired(limit=_AT_ONCE)
            if old:
                await self._storage.delete([item.key for item in old])
                async with self._database.transaction() as session:
                    await FileRepository(session).delete([item.id for item in old])
            gone += len(old)
            if len(old) < _AT_ONCE:
                return gone


async def attached(
    session: AsyncSession, user_id: int, ids: Sequence[uuid.UUID], *, kept_days: float
) -> list[StagedFile]:
    """A user's own files, in the order of their ids, each kept for so long from now on.

    Raises:
        NotFound: one is not there, or somebody else's.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return []
    found = await FileRepository(session).attach(user_id, wanted, until=now() + timedelta(days=kept_days))
    if len(found) < len(wanted):
        raise NotFound("There is no such file.", code="FILE_NOT_FOUND")
    return [found[file_id] for file_id in wanted]


def key_of(file_id: uuid.UUID) -> str:
    return f"files/{file_id}"


def clean_name(given: str) -> str:
    """A file's name without folders and without what cannot be printed; for people alone, never a path of ours."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character if character.isprintable() else " " for character in last)
    return " ".join(printable.split())[:_NAME].strip() or "file"
