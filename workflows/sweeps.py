"""Sweeps, started by schedule; each round is one activity."""

from temporalio import workflow

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.sandboxes import SandboxesSwept
    from agents_backend.contracts.sweeps import Swept


@workflow.defn(name=names.SWEEP_RUNS_WORKFLOW)
class SweepRunsWorkflow:
    @workflow.run
    async def run(self) -> Swept:
        swept: Swept = await workflow.execute_activity(
            names.SWEEP_RUNS, result_type=Swept, summary="runs that a crash left apart", **policies.SWEEP
        )
        return swept


@workflow.defn(name=names.SWEEP_SANDBOXES_WORKFLOW)
class SweepSandboxesWorkflow:
    @workflow.run
    async def run(self) -> SandboxesSwept:
        swept: SandboxesSwept = await workflow.execute_activity(
            names.SWEEP_SANDBOXES,
            result_type=SandboxesSwept,
            summary="sandboxes that E2B, Temporal and PostgreSQL tell differently",
            **policies.SWEEP,
        )
        return swept
