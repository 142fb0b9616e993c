"""Keeps schedulers' rows and their Temporal Schedules together, whatever crashed between the two."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.contracts.schedulers import FireEnd, FireRef, SchedulersSwept
from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.domain.errors import Unavailable
from agents_backend.services.fire_records import OWNER_DISABLED
from agents_backend.services.schedule_mirror import RPC, ScheduleMirror
from agents_backend.services.schedule_specs import PREFIX, revision, schedule_id
from agents_backend.services.scheduled_tasks import ScheduledTasks
from agents_backend.services.scheduler_runs import SchedulerRuns

# Young changes are left to the request that makes them.
GRACE: Final = timedelta(seconds=10)
AT_ONCE: Final = 200
_log = structlog.get_logger(__name__)


class SchedulerSweeps:
    def __init__(
        self,
        *,
        database: Database,
        temporal: Client,
        mirror: ScheduleMirror,
        runs: SchedulerRuns,
        scheduled: ScheduledTasks,
        history_days: int,
    ) -> None:
        self._database, self._temporal, self._mirror = database, temporal, mirror
        self._runs, self._scheduled = runs, scheduled
        self._history = timedelta(days=history_days)

    async def sweep(self, *, grace: timedelta = GRACE) -> SchedulersSwept:
        """One quick round: changes that were committed and not carried to Temporal, owners who may not sign in.

        Raises:
            Unavailable: PostgreSQL or Temporal is away.
        """
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            disabled = await rows.of_disabled_owners(limit=AT_ONCE)
            for row in disabled:
                row.pause(OWNER_DISABLED)
            unsynced = await rows.unsynced(now() - grace, limit=AT_ONCE)
            unstarted = await rows.unstarted_fires(now() - grace, limit=AT_ONCE)
        for scheduler_id in [*unsynced, *(row.id for row in disabled)]:
            await self._mirror.sync(scheduler_id)
        for fire in unstarted:
            await self._start(fire)
        return _told(SchedulersSwept(synced=len(unsynced), paused=len(disabled), started=len(unstarted)))

    async def audit(self) -> SchedulersSwept:
        """One thorough round: each Schedule against its row, fires whose workflow is gone, history that is old enough.

        Raises:
            Unavailable: PostgreSQL or Temporal is away.
        """
        listed = {found: state async for found, *state in self._mirror.listed()}
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            known = {schedule_id(row.id): row for row in await rows.all_rows()}
            drifted = [row.id for name, row in known.items() if _differs(row, listed.get(name))]
            await rows.unsync(drifted)
            open_fires = await rows.open_fires(now() - GRACE, limit=AT_ONCE)
            forgotten = await rows.forget_fires(now() - self._history, limit=AT_ONCE * 10)
        for scheduler_id in drifted:
            await self._mirror.sync(scheduler_id)
        orphans = await self._drop_orphans([name for name in listed if name not in known])
        lost = [fire for fire in open_fires if await self._end_if_lost(fire)]
        return _told(SchedulersSwept(drifted=len(drifted), orphans=orphans, lost=len(lost), forgotten=forgotten))

    async def _start(self, fire: SchedulerRun) -> None:
        async with self._database.transaction() as session:
            scheduler = await SchedulerRepository(session).locked(fire.scheduler_id)
        if scheduler is not None:
            await self._runs.start_fire(fire, scheduler)

    async def _drop_orphans(self, names: Sequence[str]) -> int:
        """Delete Schedules that have no row. A row is committed before its Schedule is made, so none is on its way."""
        dropped = 0
        for name in names:
            async with self._database.transaction() as session:
                row = await SchedulerRepository(session).locked(uuid.UUID(name.removeprefix(PREFIX)))
            if row is None:
                await self._mirror.delete(name)
                dropped += 1
        return dropped

    async def _end_if_lost(self, fire: SchedulerRun) -> bool:
        """End a fire whose workflow was terminated, or lost with its server."""
        try:
            found = await self._temporal.get_workflow_handle(fire.workflow_id).describe(rpc_timeout=RPC)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Unavailable("Temporal is not available now.", retry_after=2) from error
        else:
            if found.status in {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW}:
                return False
        ref = FireRef(scheduler_id=str(fire.scheduler_id), fire_id=str(fire.id), workflow_id=fire.workflow_id)
        detail = "Its workflow was terminated, or is gone."
        await self._scheduled.end(FireEnd(fire=ref, status="failed", error_code="RUN_LOST", error_detail=detail))
        return True


def _differs(row: Scheduler, listed: Sequence[object] | None) -> bool:
    return listed is None or list(listed) != [revision(row), not row.enabled]


def _told(swept: SchedulersSwept) -> SchedulersSwept:
    if any(swept.model_dump().values()):
        _log.warning("schedulers_swept", **swept.model_dump())
    return swept
