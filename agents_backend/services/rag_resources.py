"""Documents of a user's that agents retrieve from: added, listed, ingested anew, deleted with every trace."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from agents_backend.db.base import Database
from agents_backend.db.passages import PassageRepository
from agents_backend.db.rag import PENDING, RagRepository
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.rag import RagResource
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import (
    AgentsError,
    Conflict,
    Invalid,
    NotFound,
    TooMany,
    Unavailable,
    UnsupportedMedia,
)
from agents_backend.integrations.addresses import Policy, check_url
from agents_backend.integrations.parsing.kinds import EXTENSIONS, extension_of
from agents_backend.services.deliveries import Deliveries
from agents_backend.services.launches import Launches
from agents_backend.services.rag_documents import Documents, IngestInput, digest_of
from agents_backend.services.rag_ingestion import settle_failed
from agents_backend.services.run_parts import WithInput
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import StartedRun
from agents_backend.settings import Settings

KIND = "ingest"
RESOURCE = "resource_id"  # the option of a run that says what it ingests


@dataclass(frozen=True)
class NewDocument:
    """What a user gives.

    Attributes:
        content: None: what `url` leads to.
        replaces: the resource whose content this is from now on; None: a new one's.
    """

    user_id: int
    source: Literal["file", "url", "text"]
    content: bytes | None = None
    url: str | None = None
    file_name: str = ""
    media_type: str = ""
    title: str | None = None
    replaces: uuid.UUID | None = None
    idempotency_key: str | None = None
    request_id: str = ""


@dataclass(frozen=True)
class Ingesting:
    resource: RagResource
    started: StartedRun


class Resources:
    def __init__(
        self,
        *,
        database: Database,
        starts: RunStarts,
        launches: Launches,
        documents: Documents,
        settings: Settings,
    ) -> None:
        self._database, self._starts, self._launches = database, starts, launches
        self._documents, self._settings = documents, settings

    async def add(self, new: NewDocument) -> Ingesting:
        """Accept a document and start its ingestion.

        Raises:
            UnsupportedMedia: a file of no kind that is read. AddressRefused: the URL. NotFound: no resource to replace.
            Conflict: that one is being ingested. TooMany: one's resources, or runs. StorageFull: no room.
            IdempotencyMismatch, Unavailable: as every run.
        """
        await self._check(new)
        placed = _Place(new, new.replaces or uuid.uuid4())
        try:
            if new.content is not None:
                await self._documents.check_room()
                placed.key = await self._documents.keep(placed.id, uuid.uuid4().hex, new.content)
            started = await self._starts.start(_run_of(new, placed.id), placed)
        except AgentsError:
            await self._withdraw(new, placed)
            raise
        if not placed.is_used:  # the same Idempotency-Key had started another before
            await self._documents.drop([placed.key])
        return Ingesting(await self.get(uuid.UUID(started.run.options[RESOURCE]), new.user_id), started)

    async def _check(self, new: NewDocument) -> None:
        if new.url is not None:
            check_url(new.url, Policy(allow_loopback=self._settings.agents.fetch_allow_loopback))
        if (extension := extension_of(new.file_name)) and extension not in EXTENSIONS:
            known = ", ".join(f".{name}" for name in EXTENSIONS)
            raise UnsupportedMedia(f"Files named .{extension[:20]} are not read; there are {known}.")
        if new.replaces is not None:
            await self.get(new.replaces, new.user_id)
            return
        async with self._database.autocommit() as session:
            if await RagRepository(session).count(new.user_id) >= self._settings.rag.per_user:
                raise TooMany(f"There are {self._settings.rag.per_user} resources already; delete one.")

    async def _withdraw(self, new: NewDocument, placed: "_Place") -> None:
        """Nothing was started: a new resource goes again, an old one stays as it was. What cannot be done now, the sweep does."""
        with suppress(Unavailable):
            async with self._database.transaction() as session:
                rows = RagRepository(session)
                resource = await rows.get(placed.id, user_id=new.user_id, lock=True)
                if resource is not None and new.replaces is None:
                    await rows.forget(resource.id)
                elif resource is not None and await _has_failed(RunRepository(session), resource):
                    settle_failed(resource, "SERVICE_UNAVAILABLE", "The ingestion could not be started.")
            await self._documents.drop([placed.key])

    async def refresh(
        self, resource_id: uuid.UUID, user_id: int, *, idempotency_key: str | None = None, request_id: str = ""
    ) -> Ingesting:
        """Fetch a resource's URL again; where it leads to the same document, nothing else is done.

        Raises:
            NotFound: no such resource. Invalid: it has no URL. Conflict, TooMany, Unavailable: as `add`.
        """
        found = await self.get(resource_id, user_id)
        if found.url is None:
            raise Invalid("Only what came from a URL can be fetched again.", code="RESOURCE_WITHOUT_URL")
        return await self.add(
            NewDocument(
                user_id,
                "url",
                url=found.url,
                title=found.title,
                replaces=found.id,
                idempotency_key=idempotency_key,
                request_id=request_id,
            )
        )

    async def settled(
        self, ingesting: Ingesting, deliveries: Deliveries, *, is_gone: Callable[[], Awaitable[bool]]
    ) -> Ingesting:
        """Wait until the ingestion has ended, in whichever way.

        Raises:
            NotFound: it was deleted meanwhile. CallerGone: nobody waits any more.
        """
        with suppress(AgentsError):  # how it failed stands in the resource
            await deliveries.wait(ingesting.started.run, is_gone=is_gone)
        resource = ingesting.resource
        return replace(ingesting, resource=await self.get(resource.id, resource.user_id))

    async def get(self, resource_id: uuid.UUID, user_id: int) -> RagResource:
        async with self._database.autocommit() as session:
            found = await RagRepository(session).get(resource_id, user_id=user_id)
        if found is None:
            raise _none()
        return found

    async def list(
        self, user_id: int, *, query: str | None, status: str | None, page: int, size: int
    ) -> tuple[Sequence[RagResource], int]:
        """One's resources, newest first, and how many there are."""
        async with self._database.autocommit() as session:
            rows = RagRepository(session)
            return await rows.page(user_id, query=query, status=status, offset=(page - 1) * size, limit=size)

    async def delete(self, resource_id: uuid.UUID, user_id: int) -> None:
        """Delete a resource: it is found no more at once; its files, runs and row go then, by the sweep where that fails now.

        Raises:
            NotFound: no such resource. Unavailable: PostgreSQL is away.
        """
        async with self._database.transaction() as session:
            rows = RagRepository(session)
            resource = await rows.get(resource_id, user_id=user_id, lock=True)
            if resource is None:
                raise _none()
            await rows.bury(resource)
            run = await RunRepository(session).run(resource.run_id) if resource.run_id else None
        with suppress(Unavailable):
            if run is not None and resource.status == PENDING:
                await self._launches.cancel(run)
            await purge(self._database, self._documents, resource)


class _Place:
    """Puts a run beside its resource, new or old, in the transaction that accepts it. A `run_starts.Fill`.

    Attributes:
        key: of the document, once it is in storage.
        is_used: whether there was need of it.
    """

    def __init__(self, new: NewDocument, resource_id: uuid.UUID) -> None:
        self._new, self.id = new, resource_id
        self.key: str | None = None
        self.is_used = False

    async def __call__(self, rows: RunRepository, run: Run) -> str:
        self.is_used = True
        new, resources = self._new, RagRepository(rows.session)
        resource = RagResource(
            id=self.id, user_id=new.user_id, title=_title(new), source=new.source, url=new.url, generation=0
        )
        if new.replaces is not None:
            found = await resources.get(new.replaces, user_id=new.user_id, lock=True)
            if found is None:
                raise _none()
            if found.status == PENDING:
                raise Conflict("The resource is being ingested.", code="RESOURCE_BUSY")
            resource = found
            await PassageRepository(rows.session).keep_only(resource.id, resource.generation)
        given = IngestInput(
            resource_id=self.id,
            run_id=run.id,
            generation=resource.generation + 1,
            source=new.source,
            key=self.key,
            url=new.url,
            file_name=new.file_name,
            media_type=new.media_type,
            title=new.title,
        )
        await WithInput(given)(rows, run)
        resource.status, resource.run_id = PENDING, run.id
        resource.error_code, resource.error = None, None
        resources.add(resource)
        return ""


def _title(new: NewDocument) -> str:
    return (new.title or new.file_name or new.url or "Text")[:300]


def _run_of(new: NewDocument, resource_id: uuid.UUID) -> NewRun:
    digest = None if new.content is None else digest_of(new.content)
    about = [new.source, new.url, digest, new.file_name, new.title, str(new.replaces)]
    return NewRun(
        user_id=new.user_id,
        kind=KIND,
        options={RESOURCE: str(resource_id)},
        body=about,
        idempotency_key=new.idempotency_key,
        request_id=new.request_id,
    )


async def _has_failed(runs: RunRepository, resource: RagResource) -> bool:
    """Whether the resource waits for a run that will never come."""
    run = await runs.run(resource.run_id) if resource.run_id else None
    return resource.status == PENDING and (run is None or run.finished_at is not None)


async def purge(database: Database, documents: Documents, resource: RagResource) -> bool:
    """Delete what a deleted resource has left: its files, its ingestions, its row. False while one of them still runs."""
    await documents.drop_all(resource.id)
    async with database.transaction() as session:
        rows = RagRepository(session)
        await rows.forget_runs(resource)
        if await rows.has_runs(resource):
            return False
        await rows.forget(resource.id)
    return True


def _none() -> NotFound:
    return NotFound("There is no such resource.", code="RESOURCE_NOT_FOUND")
