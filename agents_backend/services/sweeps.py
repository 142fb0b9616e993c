"""Brings together what a crash left apart: a row without its workflow, an answer that was not delivered, a workflow that is gone."""

from datetime import timedelta

import structlog

from agents_backend.contracts.sweeps import Swept
from agents_backend.db.base import Database, now
from agents_backend.db.coding_agents import CodingAgentRepository
from agents_backend.db.mcp import McpServerRepository
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.services.launches import Launches
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.runs import RunsService, StartedRun
from agents_backend.services.spending import Spending

# Young rows are left to the request that is writing them.
GRACE = timedelta(seconds=15)
AT_ONCE = 100
_log = structlog.get_logger(__name__)


class Sweeps:
    def __init__(
        self,
        *,
        database: Database,
        launches: Launches,
        runs: RunsService,
        ends: RunEnds,
        lost: LostRuns,
        spending: Spending,
    ) -> None:
        self._database, self._launches, self._runs, self._ends, self._lost = database, launches, runs, ends, lost
        self._spending = spending

    async def sweep(self) -> Swept:
        """One round, a hundred of each kind at the most; every step may be repeated without harm.

        Raises:
            Unavailable: PostgreSQL, Redis or Temporal is away.
        """
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            before = now() - GRACE
            unstarted = await rows.unstarted(before, limit=AT_ONCE)
            unanswered = await rows.undelivered(before, limit=AT_ONCE)
            working = await rows.working(before, limit=AT_ONCE)
            free = await rows.free_threads_with_queue(limit=AT_ONCE)
            await rows.forget_stale_keys()
            await McpServerRepository(session).forget_ended()
            await CodingAgentRepository(session).forget_departed()
        for run in unstarted:
            await self._launches.launch(run)
        for run, thread_id in unanswered:
            await self._runs.deliver(StartedRun(run, thread_id or ""))
        lost = [run for run in working if await self._lost.end_if_lost(run)]
        for thread in free:
            await self._ends.promote(thread)
        settled = await self._spending.sweep(limit=AT_ONCE)
        return _told(unstarted, len(unanswered), lost, len(free), settled)


def _told(unstarted: list[Run], answers: int, lost: list[Run], promoted: int, settled: int) -> Swept:
    swept = Swept(started=len(unstarted), delivered=answers, lost=len(lost), promoted=promoted, settled=settled)
    if any(swept.model_dump().values()):
        _log.warning("runs_swept", **swept.model_dump(), lost_ids=[str(run.id) for run in lost])
    return swept
