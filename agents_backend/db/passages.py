"""SQL of passages: writing them, and the one statement that finds them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.passage_search import SETTINGS, Method, statement
from agents_backend.db.tables.rag import RagPassage
from agents_backend.settings import DIMENSIONS

_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class PassageQuery:
    """A search.

    Attributes:
        ids: the resources to search in; all of them belong to the user.
        whole: whether they are all that the user has.
        passages: how many these resources have together.
        vector, model: what the query means, and to which model; None where nothing embeds.
        configurations: the text search configurations of the resources' languages.
    """

    user_id: int
    ids: Sequence[uuid.UUID]
    whole: bool
    passages: int
    text: str
    configurations: Sequence[str]
    limit: int
    vector: Sequence[float] | None = None
    model: str = ""
    method: Method = "hybrid"


@dataclass(frozen=True)
class FoundPassage:
    """A hit; `score` orders hits of one search and means nothing beyond it."""

    resource_id: uuid.UUID
    title: str
    position: int
    heading: str
    page: int | None
    text: str
    score: float


class PassageRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add passages once: those that are there already stay as they are."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            query = insert(RagPassage).values(list(rows[start : start + _ROWS_AT_ONCE]))
            await self._session.execute(query.on_conflict_do_nothing())

    async def texts(
        self, resource_id: uuid.UUID, generation: int, start: int, end: int, *, model: str
    ) -> list[tuple[int, str, str]]:
        """Id, heading and text of those of a range that the model has not embedded yet."""
        columns = select(RagPassage.id, RagPassage.heading, RagPassage.text)
        query = columns.where(
            *_of(resource_id, generation),
            RagPassage.position >= start,
            RagPassage.position < end,
            RagPassage.model.is_distinct_from(model),
        )
        return [(row.id, row.heading, row.text) for row in await self._session.execute(query.order_by("id"))]

    async def embed(self, vectors: Sequence[tuple[int, Sequence[float]]], *, model: str) -> None:
        """Write what passages mean, by their ids."""
        if not vectors:
            return
        given = text("select unnest(cast(:ids as bigint[])) as id, unnest(cast(:vectors as text[])) as vector")
        values = given.bindparams(ids=[n for n, _ in vectors], vectors=[literal(v) for _, v in vectors])
        made = values.columns(RagPassage.id, RagPassage.text.label("vector")).subquery("made")
        query = update(RagPassage).where(RagPassage.id == made.c.id)
        await self._session.execute(
            query.values(embedding=func.cast(made.c.vector, _halfvec()), model=model),
            execution_options={"synchronize_session": False},
        )

    async def keep_only(self, resource_id: uuid.UUID, generation: int) -> None:
        """Delete a resource's passages of every other generation."""
        query = delete(RagPassage).where(RagPassage.resource_id == resource_id, RagPassage.generation != generation)
        await self._session.execute(query)

    async def search(self, query: PassageQuery) -> list[FoundPassage]:
        """The best passages, best first."""
        await self._session.execute(SETTINGS)
        size = len(query.vector) if query.vector is not None else DIMENSIONS[0]
        found = await self._session.execute(
            statement(size, query.method, passages=query.passages, whole=query.whole),
            {
                "user_id": query.user_id,
                "ids": list(query.ids),
                "asked": query.text,
                "configurations": list(query.configurations),
                "vector": literal(query.vector) if query.vector is not None else None,
                "model": query.model,
                "limit": query.limit,
            },
        )
        return [FoundPassage(**row) for row in found.mappings()]


def literal(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.6g}" for value in vector) + "]"


def _of(resource_id: uuid.UUID, generation: int) -> tuple[Any, Any]:
    return RagPassage.resource_id == resource_id, RagPassage.generation == generation


def _halfvec() -> Any:
    return RagPassage.embedding.type
