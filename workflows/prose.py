"""Prose and better prompts: one text, one activity."""

from temporalio import workflow

from workflows import policies
from workflows.frames import Frame

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.media import Drafted, MediaInput
    from agents_backend.domain.runs import RunStatus


@workflow.defn(name=names.PROSE_WORKFLOW)
class ProseWorkflow:
    @workflow.run
    async def run(self, media: MediaInput) -> RunStatus:
        frame = Frame(media.run)
        return await frame.carry_out(frame.do(names.WRITE_PROSE, media.run, Drafted, policies.MODEL, media.run.kind))
