"""What happens to resources without anybody asking: deleted ones, and those of deleted users, are purged.

Lost ingestions are settled, and what is stale is embedded anew: what another model has embedded. So a change of the embedding model
needs nothing but the setting; it is the deployment's own doing, and charged to nobody.
"""

import uuid
from datetime import timedelta

from agents_backend.contracts.ingestion import Batches, ResourcesSwept, StaleRange, StaleResource
from agents_backend.db.base import Database, now
from agents_backend.db.rag import RagRepository
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_embedding import PassageEmbedding, PassageRange
from agents_backend.services.rag_ingestion import settle_failed
from agents_backend.services.rag_resources import purge

_AT_ONCE = 20
_GRACE = timedelta(minutes=1)  # for an ingestion to settle its resource itself


class ResourceSweeps:
    def __init__(self, *, database: Database, documents: Documents, embedding: PassageEmbedding) -> None:
        self._database, self._documents, self._embedding = database, documents, embedding

    async def sweep(self) -> ResourcesSwept:
        """One round.

        Raises:
            Unavailable: PostgreSQL or the storage is away; the next round finds the same.
        """
        return ResourcesSwept(purged=await self._purge(), settled=await self._settle(), stale=await self._stale())

    async def _purge(self) -> int:
        async with self._database.transaction() as session:
            rows = RagRepository(session)
            for resource in await rows.of_departed(limit=_AT_ONCE):
                await rows.bury(resource)
            found = await rows.deleted(limit=_AT_ONCE)
        return sum([await purge(self._database, self._documents, resource) for resource in found])

    async def _settle(self) -> int:
        async with self._database.transaction() as session:
            found = await RagRepository(session).unsettled(now() - _GRACE, limit=_AT_ONCE)
            for resource, run in found:
                error = (run.error if run else None) or {}
                code, detail = (
                    error.get("code") or "INGESTION_LOST",
                    error.get("detail") or "The ingestion did not end.",
                )
                settle_failed(resource, code, detail)
        return len(found)

    async def _stale(self) -> tuple[StaleResource, ...]:
        if not self._embedding.at_once:
            return ()
        async with self._database.transaction() as session:
            found = await RagRepository(session).stale(self._embedding.name, limit=_AT_ONCE)
        return tuple(
            StaleResource(
                resource_id=str(resource.id),
                generation=resource.generation,
                batches=Batches(passages=resource.passages, at_once=self._embedding.at_once),
            )
            for resource in found
        )

    async def embed(self, part: StaleRange) -> int:
        """Embed some passages anew; those that this model has embedded are left alone.

        Raises:
            Unavailable, UpstreamRejected: the model, or PostgreSQL.
        """
        wanted = PassageRange(uuid.UUID(part.resource_id), part.generation, part.start, part.end)
        return await self._embedding.embed(wanted)

    async def embedded(self, resource: StaleResource) -> None:
        """All of a resource's passages are the present model's now, unless it was ingested anew meanwhile."""
        async with self._database.transaction() as session:
            rows = RagRepository(session)
            await rows.embedded_by(uuid.UUID(resource.resource_id), resource.generation, self._embedding.name)
