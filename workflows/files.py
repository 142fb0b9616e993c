"""The end of staged files, started by schedule."""

from temporalio import workflow

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names


@workflow.defn(name=names.EXPIRE_FILES_WORKFLOW)
class ExpireFilesWorkflow:
    @workflow.run
    async def run(self) -> int:
        gone: int = await workflow.execute_activity(
            names.EXPIRE_FILES, result_type=int, summary="users' files past their time", **policies.SWEEP
        )
        return gone
