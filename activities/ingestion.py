"""What an ingestion's workflow asks for, and the sweep of resources."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.ingestion import (
    Batches,
    Fetched,
    IndexedResource,
    IngestedRange,
    Parsed,
    RefusedIngestion,
    ResourcesSwept,
    StaleRange,
    StaleResource,
)
from agents_backend.contracts.turns import RunRef
from agents_backend.services.rag_ingestion import Ingestion
from agents_backend.services.rag_sweeps import ResourceSweeps


class IngestionActivities:
    def __init__(self, *, ingestion: Ingestion) -> None:
        self._ingestion = ingestion

    @activity.defn(name=names.FETCH_RESOURCE)
    async def fetch_resource(self, run: RunRef) -> Fetched:
        async with working():
            return await self._ingestion.fetch(run, attempt=activity.info().attempt)

    @activity.defn(name=names.PARSE_RESOURCE)
    async def parse_resource(self, run: RunRef) -> Parsed:
        async with working():
            return await self._ingestion.parse(run)

    @activity.defn(name=names.CUT_RESOURCE)
    async def cut_resource(self, run: RunRef) -> Batches:
        async with working():
            return await self._ingestion.cut(run)

    @activity.defn(name=names.EMBED_PASSAGES)
    async def embed_passages(self, part: IngestedRange) -> int:
        async with working():
            return await self._ingestion.embed(part)

    @activity.defn(name=names.INDEX_RESOURCE)
    async def index_resource(self, indexed: IndexedResource) -> int:
        async with working():
            return await self._ingestion.index(indexed.run, indexed.batches)

    @activity.defn(name=names.REFUSE_RESOURCE)
    async def refuse_resource(self, end: RefusedIngestion) -> None:
        async with working():
            await self._ingestion.refuse(end)


class ResourceSweepActivities:
    def __init__(self, *, sweeps: ResourceSweeps) -> None:
        self._sweeps = sweeps

    @activity.defn(name=names.SWEEP_RESOURCES)
    async def sweep_resources(self) -> ResourcesSwept:
        async with working():
            return await self._sweeps.sweep()

    @activity.defn(name=names.EMBED_ANEW)
    async def embed_anew(self, part: StaleRange) -> int:
        async with working():
            return await self._sweeps.embed(part)

    @activity.defn(name=names.EMBEDDED_ANEW)
    async def embedded_anew(self, resource: StaleResource) -> None:
        async with working():
            await self._sweeps.embedded(resource)
