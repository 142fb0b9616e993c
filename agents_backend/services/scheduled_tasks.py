"""A scheduler's fire, from its beginning to its end: recorded, carried out as its owner, counted.

Every step may be tried again. A fire is begun once, by its id; what it started is found again by the same id.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.contracts.schedulers import FireEnd, FireRef, FireState
from agents_backend.db import sessions
from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.runs import Run
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.domain.errors import (
    AgentsError,
    Forbidden,
    Invalid,
    ModelRejected,
    TooMany,
    Unavailable,
    UpstreamRejected,
)
from agents_backend.domain.runs import RunStatus
from agents_backend.services import tasks
from agents_backend.services.runs import RunsService
from agents_backend.services.schedule_mirror import ScheduleMirror, timing_of
from agents_backend.services.task_parts import Arguments, Carriers, Owner, Performed, Task

ATTEMPTS: Final = 3
OWNER_DISABLED: Final = "Paused: its owner's account is disabled. Turn it on again when the account is enabled."
NOT_ALLOWED: Final = "Paused: its owner does not hold the permission {} any more."
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Begun:
    """A fire that is to be carried out, or `state` when there is nothing to carry out."""

    owner: Owner | None = None
    task: str = ""
    arguments: dict[str, Any] | None = None
    run_id: uuid.UUID | None = None
    state: FireState | None = None


class ScheduledTasks:
    def __init__(self, *, database: Database, mirror: ScheduleMirror, runs: RunsService, carriers: Carriers) -> None:
        self._database, self._mirror, self._runs, self._carriers = database, mirror, runs, carriers

    async def start(self, fire: FireRef) -> FireState:
        """Begin the fire, and carry its task out if that is quick; what cannot be done now is left to `perform`.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        begun = await self._begin(fire)
        if begun.state is not None or begun.owner is None:
            return begun.state or GONE
        if begun.run_id is not None:
            return TODO
        try:
            task, arguments = _carried(begun)
            if not task.quick(arguments):
                return TODO
            return await self._performed(fire, await task.perform(self._carriers, begun.owner, arguments))
        except AgentsError as error:
            return TODO if may_heal(error, 1) else await self._failed(fire, error)

    async def perform(self, fire: FireRef, *, attempt: int) -> FireState:
        """Carry the fire's task out; again goes on from where it was.

        A task that fails is tried `ATTEMPTS` times, and what it fails with then ends the fire.

        Raises:
            Unavailable: PostgreSQL, Redis or Temporal is away, or a dependency of the task may yet heal.
        """
        begun = await self._begin(fire)
        if begun.state is not None or begun.owner is None:
            return begun.state or GONE
        if begun.run_id is not None:
            return await self.look(fire)
        try:
            task, arguments = _carried(begun)
            performed = await task.perform(self._carriers, begun.owner, arguments)
        except AgentsError as error:
            if may_heal(error, attempt):
                raise Unavailable(error.detail, retry_after=error.retry_after, code=error.code) from error
            return await self._failed(fire, error)
        return await self._performed(fire, performed)

    async def _failed(self, fire: FireRef, error: AgentsError) -> FireState:
        return await self._finish(fire, "failed", error={"code": error.code, "detail": error.detail})

    async def look(self, fire: FireRef) -> FireState:
        """Whether the run that the fire started has ended; then the fire ends as it did."""
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await rows.fire(uuid.UUID(fire.fire_id))
            if row is None:
                return GONE
            if row.finished_at is not None:
                return _ended(row)
            run = await rows.run(row.run_id) if row.run_id else None
        if run is None:
            gone = {"code": "RUN_NOT_FOUND", "detail": "The run was deleted before it ended."}
            return await self._finish(fire, "failed", error=gone)
        if not RunStatus(run.status).is_final:
            return FireState(status="running", ended=False)
        return await self._finish(fire, run.status, error=run.error, result=_result_of(run))

    async def end(self, end: FireEnd) -> FireState:
        """End a fire from outside of its task; the run that it started is cancelled with it."""
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await rows.fire(uuid.UUID(end.fire.fire_id))
            scheduler = await rows.locked(uuid.UUID(end.fire.scheduler_id))
        if row is None or scheduler is None:
            return GONE
        if row.run_id is not None and end.status == "cancelled":
            await self._runs.cancel(row.run_id, scheduler.user_id)
        error = {"code": end.error_code, "detail": end.error_detail} if end.error_code else None
        return await self._finish(end.fire, end.status, error=error)

    async def _begin(self, fire: FireRef) -> Begun:
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            scheduler, row, may_run = await rows.to_fire(uuid.UUID(fire.scheduler_id), uuid.UUID(fire.fire_id))
            if row is not None and row.finished_at is not None:
                return Begun(state=_ended(row))
            if scheduler is None or (row is None and scheduler.deleted_at is not None):
                return Begun(state=GONE)
            if row is not None and row.status == "running":
                return _begun(scheduler, row)
            if fire.scheduled_for is not None and timing_of(scheduler).is_spurious(fire.scheduled_for):
                return Begun(state=SKIPPED)
            version = scheduler.version
            row = row or _row(fire, scheduler)
            rows.add(row)
            hindrance = await _hindrance(session, scheduler, row, may_run=may_run)
            if hindrance is None:
                begun = await _start(rows, scheduler, row)
            else:
                await rows.finish_fire(row, "skipped", error=hindrance)
                begun = Begun(state=SKIPPED)
        if scheduler.version != version:
            await self._mirror.sync_or_leave(scheduler.id)
        return begun

    async def _performed(self, fire: FireRef, performed: Performed) -> FireState:
        if performed.run_id is None:
            return await self._finish(fire, "succeeded", result=performed.result)
        async with self._database.transaction() as session:
            row = await SchedulerRepository(session).fire(uuid.UUID(fire.fire_id))
            if row is not None:
                row.run_id = performed.run_id
        return FireState(status="running", ended=False)

    async def _finish(self, fire: FireRef, status: str, **values: Any) -> FireState:
        """Write how the fire ended, and turn off a scheduler that fails again and again."""
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            scheduler, row, _ = await rows.to_fire(uuid.UUID(fire.scheduler_id), uuid.UUID(fire.fire_id))
            if row is None or scheduler is None:
                return GONE
            if row.finished_at is not None:
                return _ended(row)
            deliver = scheduler.webhook_url is not None and scheduler.deleted_at is None
            await rows.finish_fire(row, status, webhook_status="pending" if deliver else None, **values)
            version = scheduler.version
            _count(scheduler, row)
        if scheduler.version != version:
            await self._mirror.sync_or_leave(scheduler.id)
        return _ended(row)


GONE: Final = FireState(status="cancelled", ended=True)
TODO: Final = FireState(status="running", ended=False, todo=True)
SKIPPED: Final = FireState(status="skipped", ended=True)


def _carried(begun: Begun) -> tuple[Task, Arguments]:
    task = tasks.find(begun.task)
    return task, tasks.arguments_of(task, [], begun.arguments or {})


def may_heal(error: AgentsError, attempt: int) -> bool:
    """Whether a task that failed is tried again: for as long as our own servers are away, else a few times."""
    if isinstance(error, ModelRejected | UpstreamRejected):
        return False
    return type(error) is Unavailable or (isinstance(error, Unavailable | TooMany) and attempt < ATTEMPTS)


def _ended(row: SchedulerRun) -> FireState:
    return FireState.model_validate({"status": row.status, "ended": True, "deliver": row.webhook_status == "pending"})


def _begun(scheduler: Scheduler, row: SchedulerRun) -> Begun:
    owner = Owner(scheduler.user_id, scheduler.id, row.id, scheduler.webhook_secret_version)
    return Begun(owner, row.task, row.arguments, row.run_id)


def _row(fire: FireRef, scheduler: Scheduler) -> SchedulerRun:
    return SchedulerRun(
        id=uuid.UUID(fire.fire_id),
        scheduler_id=scheduler.id,
        workflow_id=fire.workflow_id,
        task=scheduler.task,
        trigger="schedule",
        scheduled_for=fire.scheduled_for,
        status="pending",
        created_at=now(),
    )


async def _hindrance(
    session: AsyncSession, scheduler: Scheduler, row: SchedulerRun, *, may_run: bool
) -> dict[str, Any] | None:
    """Why it does not begin: its owner may not sign in or lost a right, or it was turned off meanwhile."""
    if not may_run:
        if scheduler.enabled:
            scheduler.pause(OWNER_DISABLED)
        return {"code": "OWNER_DISABLED", "detail": "Its owner's account is disabled."}
    if row.trigger != "manual" and not scheduler.enabled:
        return {"code": "SCHEDULER_DISABLED", "detail": "The scheduler was turned off before this could begin."}
    permission = tasks.permission_of(scheduler.task)
    if permission is not None and not await sessions.holds(session, scheduler.user_id, permission):
        if scheduler.enabled:
            scheduler.pause(NOT_ALLOWED.format(permission))
        return {"code": Forbidden.code, "detail": f"Its owner does not hold the permission {permission} any more."}
    return None


async def _start(rows: SchedulerRepository, scheduler: Scheduler, row: SchedulerRun) -> Begun:
    row.status, row.started_at, row.task = "running", now(), scheduler.task
    scheduler.last_run_time, scheduler.total_run_count = row.started_at, scheduler.total_run_count + 1
    if scheduler.one_off and row.trigger != "manual":
        scheduler.pause(None)
    try:
        arguments = tasks.arguments_of(tasks.find(scheduler.task), scheduler.args, scheduler.kwargs)
    except Invalid as error:  # they were right when it was made; the task has changed since
        await rows.finish_fire(row, "failed", error={"code": error.code, "detail": error.detail})
        _count(scheduler, row)
        return Begun(state=_ended(row))
    row.arguments = arguments.model_dump(mode="json")
    return _begun(scheduler, row)


def _count(scheduler: Scheduler, row: SchedulerRun) -> None:
    if row.status == "succeeded":
        scheduler.failures = 0
    if row.status != "failed":
        return
    scheduler.failures += 1
    if scheduler.enabled and scheduler.max_failures and scheduler.failures >= scheduler.max_failures:
        detail = (row.error or {}).get("detail", "")
        scheduler.pause(f"Paused after {scheduler.failures} failures in a row. The last one: {detail}")
        _log.warning("scheduler_paused", scheduler_id=str(scheduler.id), failures=scheduler.failures)


def _result_of(run: Run) -> dict[str, Any]:
    return {"usage": run.usage, "cost_usd": run.cost_usd, "model": run.model}
