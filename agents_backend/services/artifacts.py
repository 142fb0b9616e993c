"""Artifacts: the files that runs make. The object first, then the row that makes it known, so that no row points at nothing."""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from agents_backend.contracts.turns import RunRef
from agents_backend.db.artifacts import ArtifactRepository
from agents_backend.db.base import Database, now
from agents_backend.db.tables.files import StagedFile
from agents_backend.db.tables.runs import Artifact
from agents_backend.domain.errors import Invalid, NotFound
from agents_backend.integrations.storage import Storage
from agents_backend.settings import Settings

MAIN = "main"
_LINK_AUDIENCE = "artifact-link"
_AT_ONCE = 100
_NAME = 80


@dataclass(frozen=True)
class NewArtifact:
    """A file to keep.

    Attributes:
        role: `main` is what a waiting request answers; others stand beside it.
        details: what it is and how it was made, for its users.
    """

    name: str
    media_type: str
    data: bytes
    role: str = MAIN
    details: dict[str, Any] | None = None


@dataclass(frozen=True)
class ByteRange:
    """The bytes from `start` up to, not including, `end`, of `size`."""

    start: int
    end: int
    size: int

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.end == self.size


@dataclass(frozen=True)
class OpenArtifact:
    artifact: Artifact | StagedFile
    range: ByteRange
    content: AsyncIterator[bytes]


class RangeNotSatisfiable(Invalid):
    code = "RANGE_NOT_SATISFIABLE"
    default_detail = "The file has no such range."


class Artifacts:
    def __init__(self, *, database: Database, storage: Storage, settings: Settings) -> None:
        self._database, self._storage, self._settings = database, storage, settings

    async def check_room(self) -> None:
        """Before a run is accepted.

        Raises:
            StorageFull: there is no room. Unavailable: the storage does not answer.
        """
        await self._storage.check()

    async def save(self, run: RunRef, new: NewArtifact) -> None:
        """Keep a file of a run; a repeated call puts the same file in its place.

        Raises:
            StorageFull: there is no room. Unavailable: the storage or PostgreSQL is away.
        """
        digest = hashlib.sha256(new.data).hexdigest()
        key = f"{folder_of(run.run_id)}{digest[:32]}"
        await self._storage.write(key, new.data)
        async with self._database.transaction() as session:
            await ArtifactRepository(session).put(
                run_id=uuid.UUID(run.run_id),
                name=new.name,
                media_type=new.media_type,
                size=len(new.data),
                key=key,
                sha256=digest,
                details={**(new.details or {}), "role": new.role},
            )

    async def of_runs(self, run_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Artifact]]:
        found: dict[uuid.UUID, list[Artifact]] = {run_id: [] for run_id in run_ids}
        if run_ids:
            async with self._database.transaction() as session:
                for artifact in await ArtifactRepository(session).of_runs(run_ids):
                    found[artifact.run_id].append(artifact)
        return found

    async def main_of(self, run_id: uuid.UUID) -> Artifact:
        """What a run made.

        Raises:
            NotFound: it made nothing, or it is too old.
        """
        for artifact in (await self.of_runs([run_id]))[run_id]:
            if artifact.details.get("role") == MAIN:
                return artifact
        raise NotFound("The run's file is gone.", code="ARTIFACT_NOT_FOUND")

    async def get(self, run_id: uuid.UUID, name: str, user_id: int | None) -> Artifact:
        """One's own artifact; without a user, by a link that was signed.

        Raises:
            NotFound: none, or somebody else's.
        """
        async with self._database.transaction() as session:
            found = await ArtifactRepository(session).get(run_id, name, user_id=user_id)
        if found is None:
            raise NotFound("There is no such file.", code="ARTIFACT_NOT_FOUND")
        return found

    async def open(self, artifact: Artifact | StagedFile, *, wanted: str | None = None) -> OpenArtifact:
        """Its bytes, or those of a `Range` header; a header that is not understood counts for nothing, as RFC 9110 says.

        Raises:
            RangeNotSatisfiable: the range begins behind the end. NotFound, Unavailable: the storage.
        """
        chosen = parse_range(wanted, artifact.size)
        content = await self._storage.open(artifact.key, chosen.start, chosen.end)
        return OpenArtifact(artifact, chosen, content)

    async def read(self, artifact: Artifact) -> bytes:
        return await self._storage.read(artifact.key)

    @property
    def link_seconds(self) -> int:
        return self._settings.storage.link_seconds

    async def link(self, artifact: Artifact) -> str:
        """A URL, or a path of this API's `/api/v1`, that opens the file for a while without signing in."""
        seconds = self.link_seconds
        signed = await self._storage.link(artifact.key, seconds=seconds)
        if signed is not None:
            return signed
        claims = {"aud": _LINK_AUDIENCE, "run": str(artifact.run_id), "name": artifact.name}
        expires = {"exp": now() + timedelta(seconds=seconds)}
        return f"/agent/artifacts/{jwt.encode({**claims, **expires}, self._secret, algorithm='HS256')}"

    async def by_link(self, token: str) -> Artifact:
        """The artifact of a signed link.

        Raises:
            NotFound: the link is not ours, or its time is over.
        """
        try:
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], audience=_LINK_AUDIENCE)
            return await self.get(uuid.UUID(claims["run"]), str(claims["name"]), None)
        except (jwt.InvalidTokenError, KeyError, ValueError):
            raise NotFound("There is no such file.", code="ARTIFACT_NOT_FOUND") from None

    @property
    def _secret(self) -> str:
        """Derived, so that a link's token can never pass as an access token."""
        secret = self._settings.auth.secret
        return hashlib.sha256(f"artifact-link:{secret.get_secret_value() if secret else ''}".encode()).hexdigest()

    async def expire(self) -> int:
        """Delete the files and texts of runs that ended more than STORAGE_RETENTION_DAYS ago, objects before rows; how many runs."""
        before, gone = now() - timedelta(days=self._settings.storage.retention_days), 0
        while True:
            async with self._database.transaction() as session:
                old = await ArtifactRepository(session).expired_runs(before, limit=_AT_ONCE)
            for run_id in old:
                await self._storage.delete([item.key for item in await self._storage.list(folder_of(str(run_id)))])
                async with self._database.transaction() as session:
                    await ArtifactRepository(session).forget(run_id)
            gone += len(old)
            if len(old) < _AT_ONCE:
                return gone


def folder_of(run_id: str) -> str:
    return f"runs/{run_id}/"


def parse_range(header: str | None, size: int) -> ByteRange:
    """One range of a `Range` header as RFC 9110 has it; several are answered whole.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    found = re.fullmatch(r"bytes=(\d{0,19})-(\d{0,19})", (header or "").replace(" ", ""))
    if found is None or found.group() == "bytes=-":
        return ByteRange(0, size, size)
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
    else:
        start, end = max(0, size - int(last)), size
    if last and first and int(last) < int(first):
        return ByteRange(0, size, size)
    if start >= size:
        raise RangeNotSatisfiable
    return ByteRange(start, end, size)


def file_name(title: str, extension: str, *, otherwise: str) -> str:
    """A file's name from a title in any language: letters, digits, spaces and dashes of it."""
    kept = "".join(c if c.isalnum() or unicodedata.category(c).startswith("M") or c in " -_" else " " for c in title)
    name = " ".join(unicodedata.normalize("NFC", kept).split())[:_NAME].strip()
    return f"{name or otherwise}.{extension}"
