"""The steps of an ingestion: fetch, read, cut, embed, index. Each may be repeated after a crash, and changes nothing then.

Passages are written as a new generation, which nobody sees; the last step makes it the resource's, all at once.
"""

import asyncio
from urllib.parse import unquote, urlsplit

from agents_backend.contracts.ingestion import Batches, Fetched, IngestedRange, Parsed, RefusedIngestion
from agents_backend.contracts.turns import RunRef
from agents_backend.db.base import Database
from agents_backend.db.passages import PassageRepository
from agents_backend.db.rag import FAILED, PENDING, READY, RagRepository
from agents_backend.db.tables.rag import RagResource
from agents_backend.domain.errors import RunClosed, UpstreamFailed, UpstreamRejected, UpstreamTimeout
from agents_backend.domain.languages import language_of
from agents_backend.domain.passages import Cut, Passage, Section
from agents_backend.integrations.embeddings.tokens import spans_of
from agents_backend.integrations.pages import Fetched as Page
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.parsing.kinds import EXTENSIONS, MEDIA_TYPES, extension_of
from agents_backend.integrations.parsing.reader import File, Reader
from agents_backend.services.progress import Progress
from agents_backend.services.rag_documents import (
    Documents,
    FetchedPart,
    IngestInput,
    ParsedPart,
    digest_of,
    sections_key,
)
from agents_backend.services.rag_embedding import PassageEmbedding, PassageRange
from agents_backend.services.rag_languages import configuration_of
from agents_backend.services.run_parts import INPUT, RunParts
from agents_backend.settings import RagSettings

FETCHED, PARSED, CUT = "fetched", "parsed", "cut"
FETCH_SECONDS, FETCH_TRIES = 120.0, 3
GONE = "The resource is deleted, or ingested anew."
_SAMPLE = 20_000  # characters that tell the language


class Ingestion:
    def __init__(
        self,
        *,
        database: Database,
        parts: RunParts,
        documents: Documents,
        pages: Pages,
        reader: Reader,
        embedding: PassageEmbedding,
        progress: Progress,
        settings: RagSettings,
    ) -> None:
        self._database, self._parts, self._documents = database, parts, documents
        self._pages, self._reader, self._embedding = pages, reader, embedding
        self._progress, self._settings = progress, settings

    async def fetch(self, run: RunRef, *, attempt: int) -> Fetched:
        """The document in storage, and whether it is another than the resource holds.

        Raises:
            RunClosed: the run has ended, or the resource is deleted. AddressRefused, TooLarge, Unavailable: its URL.
        """
        await self._parts.begin(run)
        given = await self._parts.get(run, INPUT, IngestInput)
        resource = await self._resource(run, given)
        part = await self._parts.find(run, FETCHED, FetchedPart)
        if part is None:
            await self._parts.add(run, FETCHED, await self._fetched(given, attempt))
            part = await self._parts.get(run, FETCHED, FetchedPart)
        changed = resource.sha256 != part.sha256 or resource.generation == 0
        state = {"resource_id": str(given.resource_id), "size": part.size, "changed": changed}
        await self._progress.snapshot(run, FETCHED, {**state, "pages": 0, "passages": 0, "embedded": 0})
        return Fetched(size=part.size, changed=changed)

    async def _fetched(self, given: IngestInput, attempt: int) -> FetchedPart:
        if given.key is not None:
            data = await self._documents.read(given.key)
            about = {"file_name": given.file_name, "media_type": given.media_type, "charset": given.charset}
            return FetchedPart(key=given.key, sha256=digest_of(data), size=len(data), **about)
        page = await self._page(given.url or "", attempt)
        return FetchedPart(
            key=await self._documents.keep(given.resource_id, f"fetched-{given.run_id}", page.content),
            sha256=digest_of(page.content),
            size=len(page.content),
            file_name=_name_in(page.url, page.media_type),
            media_type=page.media_type,
            charset=page.charset,
            url=page.url,
        )

    async def _page(self, url: str, attempt: int) -> Page:
        """What the URL leads to; whoever waits for it is told soon that it leads nowhere."""
        most = self._settings.max_file_bytes
        try:
            return await self._pages.fetch(url, max_bytes=most, media_types=None, seconds=FETCH_SECONDS)
        except (UpstreamFailed, UpstreamTimeout) as error:
            if attempt < FETCH_TRIES:
                raise
            raise UpstreamRejected(error.detail, code=error.code) from error

    async def parse(self, run: RunRef) -> Parsed:
        """Read the document; its sections go to storage.

        Raises:
            DocumentRefused: it cannot be read. RunClosed: the resource is deleted. StorageFull, Unavailable: the storage.
        """
        given = await self._parts.get(run, INPUT, IngestInput)
        await self._resource(run, given)
        part = await self._parts.get(run, FETCHED, FetchedPart)
        file = File(await self._documents.read(part.key), part.file_name, part.media_type, part.charset)
        made = await self._reader.read(file)
        await self._documents.keep_sections(given, made.sections)
        language = language_of(_sample(made.sections))
        about = ParsedPart(title=made.title[:300], kind=made.kind, pages=made.pages, language=language)
        await self._parts.add(run, PARSED, about)
        await self._progress.change(run, "pages", "/pages", made.pages)
        return Parsed(pages=made.pages, sections=len(made.sections), characters=made.characters)

    async def cut(self, run: RunRef) -> Batches:
        """Write the new generation's passages, without what they mean.

        Raises:
            RunClosed: the resource is deleted. Unavailable: the storage or PostgreSQL.
        """
        given = await self._parts.get(run, INPUT, IngestInput)
        about = await self._parts.get(run, PARSED, ParsedPart)
        sections = await self._documents.sections(given)
        passages = await asyncio.to_thread(passages_of, sections, self._settings)
        resource = await self._resource(run, given)
        common = {
            "resource_id": given.resource_id,
            "generation": given.generation,
            "user_id": resource.user_id,
            "language": configuration_of(about.language),
        }
        rows = [{**common, "position": n, **passage.model_dump()} for n, passage in enumerate(passages)]
        async with self._database.transaction() as session:
            found = await RagRepository(session).get(given.resource_id, lock=True)
            if found is None or str(found.run_id) != run.run_id:
                raise RunClosed(GONE)
            await PassageRepository(session).add(rows)
        await self._progress.change(run, "passages", "/passages", len(rows))
        return Batches(passages=len(rows), at_once=self._embedding.at_once)

    async def embed(self, part: IngestedRange) -> int:
        """Embed some passages of the new generation; those that are embedded already are left alone. How many were.

        Raises:
            Unavailable, UpstreamRejected: the embedding model. InsufficientCredits: its user has no more of them.
        """
        given = await self._parts.get(part.run, INPUT, IngestInput)
        await self._resource(part.run, given)
        wanted = PassageRange(given.resource_id, given.generation, part.start, part.end)
        done = await self._embedding.embed(wanted, payer=part.run)
        await self._progress.change(part.run, f"embedded-{part.end}", "/embedded", part.end)
        return done

    async def index(self, run: RunRef, batches: Batches) -> int:
        """Let the new generation be searched in place of the old one; how many passages it has.

        Raises:
            RunClosed: the resource is deleted, or another ingestion has taken it over.
        """
        given = await self._parts.get(run, INPUT, IngestInput)
        part = await self._parts.get(run, FETCHED, FetchedPart)
        about = await self._parts.find(run, PARSED, ParsedPart)
        async with self._database.transaction() as session:
            resource = await RagRepository(session).get(given.resource_id, lock=True)
            if resource is None or str(resource.run_id) != run.run_id:
                raise RunClosed(GONE)
            stale = {resource.key, sections_key(given)} - {part.key}
            _settle(resource, given, part)
            if given.title:
                resource.title = given.title[:300]
            if about is not None:
                resource.generation, resource.passages = given.generation, batches.passages
                resource.pages, resource.language = about.pages, about.language
                resource.model = self._embedding.name if batches.at_once else ""
                resource.title = (given.title or about.title or part.file_name or resource.title)[:300]
            await PassageRepository(session).keep_only(resource.id, resource.generation)
            count = resource.passages
        await self._documents.drop(stale)
        return count

    async def refuse(self, end: RefusedIngestion) -> None:
        """The ingestion has failed or was cancelled: what was searched before it still is, what it wrote goes."""
        given = await self._parts.get(end.run, INPUT, IngestInput)
        async with self._database.transaction() as session:
            resource = await RagRepository(session).get(given.resource_id, lock=True)
            if resource is None or str(resource.run_id) != end.run.run_id or resource.status != PENDING:
                return
            settle_failed(resource, end.code, end.detail)
            await PassageRepository(session).keep_only(resource.id, resource.generation)
        part = await self._parts.find(end.run, FETCHED, FetchedPart)
        await self._documents.drop({given.key, part.key if part else None, sections_key(given)})

    async def _resource(self, run: RunRef, given: IngestInput) -> RagResource:
        async with self._database.transaction() as session:
            found = await RagRepository(session).get(given.resource_id)
        if found is None or str(found.run_id) != run.run_id:
            raise RunClosed(GONE)
        return found


def settle_failed(resource: RagResource, code: str, detail: str) -> None:
    """A resource that could be searched before stays ready, and says why its latest ingestion failed."""
    resource.status = READY if resource.generation else FAILED
    resource.error_code, resource.error = code[:64], detail


def _settle(resource: RagResource, given: IngestInput, part: FetchedPart) -> None:
    resource.status, resource.error_code, resource.error = READY, None, None
    resource.key, resource.sha256, resource.size = part.key, part.sha256, part.size
    resource.file_name, resource.media_type = part.file_name[:255], part.media_type[:128]
    resource.source, resource.url = given.source, given.url


def passages_of(sections: tuple[Section, ...], settings: RagSettings) -> list[Passage]:
    """The passages of a document in their order."""
    cut = Cut(tokens=settings.passage_tokens, overlap=settings.passage_overlap)
    spans = spans_of([section.text for section in sections])
    return [
        passage for section, places in zip(sections, spans, strict=True) for passage in cut.passages(section, places)
    ]


def _sample(sections: tuple[Section, ...]) -> str:
    sample = ""
    for section in sections:
        sample += section.text[:_SAMPLE] + "\n"
        if len(sample) > _SAMPLE:
            break
    return sample[:_SAMPLE]


def _name_in(url: str, media_type: str) -> str:
    """The file's name at the end of a URL, where its extension is one that we know and the server says nothing else of it."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    tells = extension_of(name) in EXTENSIONS and media_type not in MEDIA_TYPES and name.isprintable()
    return name if tells else ""
