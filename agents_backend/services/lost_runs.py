"""Runs whose workflow is gone (terminated by hand, timed out, lost with its server): each is ended here, and its client told."""

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.contracts.turns import RunEnd
from agents_backend.db.tables.runs import Run
from agents_backend.domain.runs import RunStatus
from agents_backend.services.launches import RPC, Launches, ref_of
from agents_backend.services.run_ends import RunEnds

_GONE = {
    WorkflowExecutionStatus.TERMINATED: "The run was terminated.",
    WorkflowExecutionStatus.FAILED: "The run's workflow failed.",
    WorkflowExecutionStatus.TIMED_OUT: "The run's workflow timed out.",
    WorkflowExecutionStatus.CANCELED: "The run's workflow was cancelled before it could say so.",
    WorkflowExecutionStatus.COMPLETED: "The run's workflow ended before it could say so.",
}


class LostRuns:
    def __init__(self, *, launches: Launches, ends: RunEnds) -> None:
        self._launches, self._ends = launches, ends

    async def end_if_lost(self, run: Run) -> bool:
        """Ask Temporal, and end a run that nobody works on any more; where Temporal does not answer, nothing is done.

        Raises:
            Unavailable: PostgreSQL or Redis is away.
        """
        reason = await self._reason(run)
        if reason is None:
            return False
        end = RunEnd(run=ref_of(run), status=RunStatus.FAILED, error_code="RUN_LOST", error_detail=reason)
        await self._ends.finish(end)
        return True

    async def _reason(self, run: Run) -> str | None:
        try:
            found = await self._launches.handle(run).describe(rpc_timeout=RPC)
        except RPCError as error:
            began = run.status != RunStatus.PENDING
            return "The run's workflow is gone." if began and error.status == RPCStatusCode.NOT_FOUND else None
        return _GONE.get(found.status) if found.status else None
