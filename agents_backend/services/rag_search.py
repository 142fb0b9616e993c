"""Finding passages of a user's documents for a question."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import Database
from agents_backend.db.passage_search import Method
from agents_backend.db.passages import FoundPassage, PassageQuery, PassageRepository
from agents_backend.db.rag import RagRepository, Searchable
from agents_backend.domain.errors import NotFound, Unavailable
from agents_backend.domain.passages import place_of, uri_of
from agents_backend.integrations.embeddings.answers import Embedded
from agents_backend.integrations.embeddings.providers import NOTICE, Embeddings
from agents_backend.services.rag_languages import configuration_of

PATIENCE_SECONDS: Final = 10.0
SILENT: Final = (
    "The embedding model does not answer now, so only documents that have the question's own words were found."
)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Hit:
    """A passage, where it stands, and the address to cite it by."""

    passage: FoundPassage

    @property
    def uri(self) -> str:
        return uri_of(self.passage.resource_id, self.passage.heading, self.passage.page)

    @property
    def place(self) -> str:
        return place_of(self.passage.title, self.passage.heading, self.passage.page)


@dataclass(frozen=True)
class Hits:
    """What was found.

    Attributes:
        method: `text` where nothing could say what the question means; `notice` then says why.
        searched: the resources that were searched.
        cost_usd: of embedding the question.
    """

    items: tuple[Hit, ...]
    method: Method
    searched: tuple[uuid.UUID, ...]
    notice: str | None = None
    cost_usd: float = 0


class Retrieval:
    def __init__(self, *, database: Database, embeddings: Embeddings | None) -> None:
        self._database, self._embeddings = database, embeddings

    @property
    def notice(self) -> str | None:
        """What is worse here than it might be, for people."""
        return None if self._embeddings else NOTICE

    async def is_possible(self, user_id: int) -> bool:
        """Whether the user has anything that can be searched."""
        async with self._database.autocommit() as session:
            return await RagRepository(session).has_some(user_id)

    async def search(
        self,
        user_id: int,
        query: str,
        *,
        limit: int,
        resources: Sequence[uuid.UUID] | None = None,
        all_must_be: bool = False,
    ) -> Hits:
        """The best passages of all that the user has, or of these resources alone.

        Raises:
            NotFound: with `all_must_be`, one of the resources is not, or is somebody else's.
            Unavailable: PostgreSQL is away. Where the embedding model is, the words alone are searched for.
        """
        async with self._database.autocommit() as session:
            if all_must_be:
                await check_named(session, user_id, resources or ())
            found = await RagRepository(session).searchable(user_id, resources)
        if not found.ids:
            return Hits((), "hybrid" if self._embeddings else "text", (), self.notice)
        meant, notice = await self._meaning(query)
        vector, cost = (meant.vectors[0], meant.cost_usd) if meant else (None, 0)
        method: Method = "hybrid" if vector else "text"
        asked = self._query(user_id, query, found, limit, vector, whole=resources is None)
        async with self._database.transaction() as session:
            passages = await PassageRepository(session).search(asked)
        return Hits(tuple(Hit(passage) for passage in passages), method, found.ids, notice, cost)

    def _query(
        self, user_id: int, query: str, found: Searchable, limit: int, vector: list[float] | None, *, whole: bool
    ) -> PassageQuery:
        return PassageQuery(
            user_id=user_id,
            ids=found.ids,
            whole=whole,
            passages=found.passages,
            text=query,
            configurations=sorted({configuration_of(language) for language in found.languages}),
            limit=limit,
            vector=vector,
            model=self._embeddings.name if self._embeddings else "",
            method="hybrid" if vector else "text",
        )

    async def _meaning(self, query: str) -> tuple[Embedded | None, str | None]:
        """The question's vector, or why there is none."""
        if self._embeddings is None:
            return None, NOTICE
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._embeddings.embed([query]), None
        except (Unavailable, TimeoutError) as error:
            _log.warning("query_not_embedded", model=self._embeddings.name, error=type(error).__name__)
            return None, SILENT


async def check_named(session: AsyncSession, user_id: int, named: Sequence[uuid.UUID]) -> None:
    """Refuse a request that names a resource that is none of its user's.

    Raises:
        NotFound: names no more than that.
    """
    if named and set(named) - await RagRepository(session).owned(user_id, named):
        raise NotFound("There is no such resource.", code="RESOURCE_NOT_FOUND")
