"""What passages mean, by the deployment's embedding model, written beside them."""

import uuid

from agents_backend.db.base import Database
from agents_backend.db.passages import PassageRepository
from agents_backend.integrations.embeddings.providers import Embeddings


class PassageEmbedding:
    """`embeddings` is None where the deployment has no model: passages are then found by their words alone."""

    def __init__(self, *, database: Database, embeddings: Embeddings | None) -> None:
        self._database, self._embeddings = database, embeddings

    @property
    def name(self) -> str:
        return self._embeddings.name if self._embeddings else ""

    @property
    def at_once(self) -> int:
        """How many passages an activity takes; 0: none."""
        return self._embeddings.at_once * 2 if self._embeddings else 0

    async def embed(self, resource_id: uuid.UUID, generation: int, start: int, end: int) -> int:
        """Embed those of a range that this model has not embedded yet; how many.

        Raises:
            Unavailable, UpstreamRejected: the model, or PostgreSQL.
        """
        model = self._embeddings
        if model is None:
            return 0
        async with self._database.transaction() as session:
            found = await PassageRepository(session).texts(resource_id, generation, start, end, model=model.name)
        for first in range(0, len(found), model.at_once):
            some = found[first : first + model.at_once]
            vectors = await model.embed([f"{heading}\n{text}" if heading else text for _, heading, text in some])
            async with self._database.transaction() as session:
                pairs = [(passage_id, vector) for (passage_id, _, _), vector in zip(some, vectors, strict=True)]
                await PassageRepository(session).embed(pairs, model=model.name)
        return len(found)
