"""Where a resource's files are: the document as it came, and what its ingestion puts down on the way."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, TypeAdapter

from agents_backend.domain.passages import Section
from agents_backend.integrations.storage import Storage

_SECTIONS: TypeAdapter[tuple[Section, ...]] = TypeAdapter(tuple[Section, ...])


class IngestInput(BaseModel):
    """What an ingestion was given. The text itself is in storage.

    Attributes:
        run_id: names what it puts down on the way.
        generation: of the passages that it writes.
        key: the document in storage; None: `url` is to be fetched.
        title: as its user named it; None: as it names itself.
    """

    resource_id: uuid.UUID
    run_id: uuid.UUID
    generation: int
    source: str
    key: str | None = None
    url: str | None = None
    file_name: str = ""
    media_type: str = ""
    charset: str | None = None
    title: str | None = None


class FetchedPart(BaseModel):
    """What an ingestion has in hand."""

    key: str
    sha256: str
    size: int
    file_name: str = ""
    media_type: str = ""
    charset: str | None = None
    url: str | None = None


class ParsedPart(BaseModel):
    """What was read; the sections are in storage."""

    title: str
    kind: str
    pages: int
    language: str


class Documents:
    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    async def check_room(self) -> None:
        await self._storage.check()

    async def keep(self, resource_id: uuid.UUID, name: str, data: bytes) -> str:
        """Put a document into storage; its key, which is nobody else's where the name is not.

        Raises:
            StorageFull: no room. Unavailable: the storage does not answer.
        """
        key = f"{folder_of(resource_id)}{name}"
        await self._storage.write(key, data)
        return key

    async def read(self, key: str) -> bytes:
        return await self._storage.read(key)

    async def keep_sections(self, given: IngestInput, sections: Sequence[Section]) -> None:
        data = json.dumps([section.model_dump() for section in sections]).encode()
        await self._storage.write(sections_key(given), data)

    async def sections(self, given: IngestInput) -> tuple[Section, ...]:
        return _SECTIONS.validate_json(await self._storage.read(sections_key(given)))

    async def drop(self, keys: Iterable[str | None]) -> None:
        """Delete objects; one that is not there is passed over."""
        await self._storage.delete([key for key in keys if key is not None])

    async def drop_all(self, resource_id: uuid.UUID) -> None:
        """Delete whatever there is of a resource's."""
        await self._storage.delete([item.key for item in await self._storage.list(folder_of(resource_id))])


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def folder_of(resource_id: uuid.UUID) -> str:
    return f"rag/{resource_id}/"


def sections_key(given: IngestInput) -> str:
    return f"{folder_of(given.resource_id)}sections-{given.run_id}"
