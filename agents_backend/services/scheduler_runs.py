"""The fires of schedulers, as their owners know them: listed, asked for by hand, run over again for a range of time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.contracts.schedulers import Fire, Overlap
from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.runs import Artifact
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.domain.errors import Conflict, Invalid, TooMany, Unavailable
from agents_backend.services.idempotency import release
from agents_backend.services.schedule_mirror import RPC, ScheduleMirror, unavailable
from agents_backend.services.schedule_specs import PRIORITY, attributes, summary, timing_of, workflow_id
from agents_backend.services.schedulers import claim_scheduler, find
from agents_backend.settings import Settings

MAX_BACKFILL: Final = 500


@dataclass(frozen=True)
class FiredRun:
    fire: SchedulerRun
    artifacts: Sequence[Artifact]


class SchedulerRuns:
    def __init__(self, *, database: Database, mirror: ScheduleMirror, temporal: Client, settings: Settings) -> None:
        self._database, self._mirror, self._temporal = database, mirror, temporal
        self._limit = settings.api.runs_per_user

    async def run_now(
        self, scheduler_id: uuid.UUID, user_id: int, *, idempotency_key: str | None, request_id: str
    ) -> FiredRun:
        """Carry the task out now, beside whatever runs, and also when the scheduler is off.

        Raises:
            NotFound: no such scheduler. TooMany: too many of one's runs by hand are open.
            IdempotencyMismatch: the key was used for another request. Unavailable: Temporal is away; nothing was started.
        """
        wanted = uuid.uuid4()
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await find(rows, scheduler_id, user_id)
            made = await claim_scheduler(session, user_id, idempotency_key, ["run", str(scheduler_id)], wanted)
            if made != wanted and (known := await rows.fire(made)) is not None:
                return FiredRun(known, ())
            if await rows.open_by_hand(user_id) >= self._limit:
                raise TooMany("Too many runs are active.", retry_after=5)
            fire = _by_hand(row, wanted)
            rows.add(fire)
        try:
            await self.start_fire(fire, row, request_id=request_id)
        except Unavailable:
            await self._withdraw(fire, user_id, idempotency_key)
            raise
        return FiredRun(fire, ())

    async def start_fire(self, fire: SchedulerRun, row: Scheduler, *, request_id: str = "") -> None:
        """Start the workflow of a run by hand; a second start finds the first.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        try:
            await self._temporal.start_workflow(
                names.SCHEDULED_TASK_WORKFLOW,
                Fire(scheduler_id=str(row.id), fire_id=str(fire.id)),
                id=fire.workflow_id,
                task_queue=queues.BACKGROUND,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                memo={"scheduler_id": str(row.id), "request_id": request_id},
                static_summary=summary(row),
                search_attributes=attributes(row.user_id),
                priority=Priority(priority_key=PRIORITY),
                rpc_timeout=RPC,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise unavailable() from error

    async def _withdraw(self, fire: SchedulerRun, user_id: int, idempotency_key: str | None) -> None:
        """The caller is told that nothing was started; a workflow that began all the same finds its fire ended."""
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await rows.fire(fire.id)
            if row is not None and row.status == "pending":
                error = {"code": "SERVICE_UNAVAILABLE", "detail": "Temporal was not available."}
                await rows.finish_fire(row, "failed", error=error)
            await release(session, user_id, idempotency_key)

    async def backfill(
        self, scheduler_id: uuid.UUID, user_id: int, start: datetime, end: datetime, overlap: Overlap | None
    ) -> int:
        """Run what would have run in a range of time, its ends included; how many that is.

        Raises:
            NotFound: no such scheduler. Conflict: it is off. Invalid: an empty range, or too many runs in it.
            Unavailable: Temporal is away.
        """
        async with self._database.transaction() as session:
            row = await find(SchedulerRepository(session), scheduler_id, user_id)
        if not row.enabled:
            raise Conflict("The scheduler is off; turn it on first.", code="SCHEDULER_DISABLED")
        if end < start:
            raise Invalid.field("end_time", "must not be before start_time")
        found = timing_of(row).times(start - timedelta(seconds=1))
        count = sum(1 for time in islice(found, MAX_BACKFILL + 1) if time <= end)
        if count > MAX_BACKFILL:
            raise Invalid.field("end_time", f"the range holds more than {MAX_BACKFILL} runs")
        if count:
            await self._mirror.backfill(row, start, end, overlap or "buffer_all")
        return count

    async def page(
        self, scheduler_id: uuid.UUID, user_id: int, *, page: int, size: int, status: str | None
    ) -> tuple[Sequence[FiredRun], int]:
        """What its fires came to, newest first, each with the artifacts of its run.

        Raises:
            NotFound: no such scheduler.
        """
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            await find(rows, scheduler_id, user_id)
            fires, total = await rows.fires(scheduler_id, offset=(page - 1) * size, limit=size, status=status)
            artifacts = await rows.artifacts([fire.run_id for fire in fires if fire.run_id])
        return [FiredRun(fire, [a for a in artifacts if a.run_id == fire.run_id]) for fire in fires], total


def _by_hand(row: Scheduler, fire_id: uuid.UUID) -> SchedulerRun:
    return SchedulerRun(
        id=fire_id,
        scheduler_id=row.id,
        workflow_id=f"{workflow_id(row.id)}-manual-{fire_id}",
        task=row.task,
        trigger="manual",
        status="pending",
        created_at=now(),
    )
