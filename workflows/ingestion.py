"""A document's way into the index: fetched, read, cut, embedded some passages at a time, indexed. And the sweep of resources."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

from workflows import policies
from workflows.frames import Frame, as_failure

with workflow.unsafe.imports_passed_through():
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
    from agents_backend.contracts.media import MediaInput
    from agents_backend.domain.runs import RunStatus


@workflow.defn(name=names.INGEST_WORKFLOW)
class IngestWorkflow:
    @workflow.init
    def __init__(self, media: MediaInput) -> None:
        self._media, self._frame = media, Frame(media.run)

    @workflow.run
    async def run(self, media: MediaInput) -> RunStatus:  # noqa: ARG002  # given to __init__ as well
        return await self._frame.carry_out(self._settled())

    async def _settled(self) -> None:
        """The resource says how its ingestion ended before the run does: who waits for the run reads the resource next."""
        try:
            await self._ingest()
        except BaseException as error:
            failure = (
                ("CANCELLED", "The ingestion was cancelled.") if is_cancelled_exception(error) else as_failure(error)
            )
            if failure is not None:
                end = RefusedIngestion(run=self._media.run, code=failure[0], detail=failure[1])
                await asyncio.shield(
                    workflow.execute_activity(names.REFUSE_RESOURCE, end, summary=failure[0], **policies.RECORD)
                )
            raise

    async def _ingest(self) -> None:
        run, frame = self._media.run, self._frame
        async with frame.step("fetch"):
            fetched = await frame.do(names.FETCH_RESOURCE, run, Fetched, policies.MEDIA, "the document")
        batches = await self._read(fetched) if fetched.changed else Batches(passages=0, at_once=0)
        async with frame.step("index"):
            indexed = IndexedResource(run=run, batches=batches)
            await frame.do(names.INDEX_RESOURCE, indexed, int, policies.MEDIA, f"{batches.passages} passages")

    async def _read(self, fetched: Fetched) -> Batches:
        run, frame = self._media.run, self._frame
        async with frame.step("parse"):
            parsed = await frame.do(names.PARSE_RESOURCE, run, Parsed, policies.PARSE, f"{fetched.size} bytes")
        async with frame.step("chunk"):
            batches = await frame.do(names.CUT_RESOURCE, run, Batches, policies.MEDIA, f"{parsed.sections} sections")
        async with frame.step("embed"):
            for start, end in batches.ranges():
                part = IngestedRange(run=run, start=start, end=end)
                await frame.do(names.EMBED_PASSAGES, part, int, policies.MODEL, f"passages {start} to {end}")
        return batches


@workflow.defn(name=names.SWEEP_RESOURCES_WORKFLOW)
class SweepResourcesWorkflow:
    @workflow.run
    async def run(self) -> ResourcesSwept:
        swept: ResourcesSwept = await workflow.execute_activity(
            names.SWEEP_RESOURCES,
            result_type=ResourcesSwept,
            summary="deleted, lost and stale resources",
            **policies.SWEEP,
        )
        for resource in swept.stale:
            await self._embed(resource)
        return swept

    async def _embed(self, resource: StaleResource) -> None:
        """Embed a resource with the present model; what a round does not finish, the next one goes on with."""
        for start, end in resource.batches.ranges():
            part = StaleRange(resource_id=resource.resource_id, generation=resource.generation, start=start, end=end)
            await workflow.execute_activity(
                names.EMBED_ANEW, part, result_type=int, summary=f"passages {start} to {end}", **policies.MODEL
            )
        await workflow.execute_activity(names.EMBEDDED_ANEW, resource, summary="embedded anew", **policies.RECORD)
