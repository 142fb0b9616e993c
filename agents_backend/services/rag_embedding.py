"""What passages mean, by the deployment's embedding model, written beside them.

What is embedded for a run is charged to it: the vectors and their cost are one transaction, so that what is tried again is charged once.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.db.base import Database
from agents_backend.db.passages import PassageRepository
from agents_backend.db.run_parts import RunPartRepository
from agents_backend.integrations.embeddings.answers import cost_of, tokens_about
from agents_backend.integrations.embeddings.providers import Embeddings
from agents_backend.services.spending import Spending

_Passage = tuple[int, str, str]  # its id, heading and text


@dataclass(frozen=True)
class PassageRange:
    """Passages of one generation of a resource, from the position `start` to before `end`."""

    resource_id: uuid.UUID
    generation: int
    start: int
    end: int


class PassageEmbedding:
    """`embeddings` is None where the deployment has no model: passages are then found by their words alone."""

    def __init__(self, *, database: Database, embeddings: Embeddings | None, spending: Spending) -> None:
        self._database, self._embeddings, self._spending = database, embeddings, spending

    @property
    def name(self) -> str:
        return self._embeddings.name if self._embeddings else ""

    @property
    def at_once(self) -> int:
        """How many passages an activity takes; 0: none."""
        return self._embeddings.at_once * 2 if self._embeddings else 0

    async def embed(self, wanted: PassageRange, *, payer: RunRef | None = None) -> int:
        """Embed those of a range that this model has not embedded yet; how many. `payer` is charged; without, nobody is.

        Raises:
            Unavailable, UpstreamRejected: the model, or PostgreSQL. InsufficientCredits: the payer's user has no more of them.
            RunClosed: the payer has ended.
        """
        model = self._embeddings
        if model is None:
            return 0
        async with self._database.transaction() as session:
            found = await PassageRepository(session).texts(
                wanted.resource_id, wanted.generation, wanted.start, wanted.end, model=model.name
            )
        for first in range(0, len(found), model.at_once):
            await self._embed(model, found[first : first + model.at_once], payer)
        return len(found)

    async def _embed(self, model: Embeddings, some: Sequence[_Passage], payer: RunRef | None) -> None:
        texts = [f"{heading}\n{text}" if heading else text for _, heading, text in some]
        if payer is not None:
            await self._spending.cover(payer, cost_of(tokens_about(texts), model.price))
        made = await model.embed(texts)
        pairs = [(passage_id, vector) for (passage_id, _, _), vector in zip(some, made.vectors, strict=True)]
        usage = Usage(input_tokens=made.tokens, cost_usd=made.cost_usd).model_dump()
        async with self._database.transaction() as session:
            await PassageRepository(session).embed(pairs, model=model.name)
            if payer is not None:  # named by the first passage, which is embedded for the run once
                part = f"embedded-{some[0][0]}"
                await RunPartRepository(session).add(uuid.UUID(payer.run_id), part, {}, {**usage, "model": model.name})
