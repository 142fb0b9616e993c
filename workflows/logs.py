"""Forgets old logs and ended sessions, started by schedule."""

from temporalio import workflow

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.logs import Forgotten


@workflow.defn(name=names.FORGET_LOGS_WORKFLOW)
class ForgetLogsWorkflow:
    @workflow.run
    async def run(self) -> Forgotten:
        forgotten: Forgotten = await workflow.execute_activity(
            names.FORGET_LOGS, result_type=Forgotten, summary="logs past their time", **policies.SWEEP
        )
        return forgotten
