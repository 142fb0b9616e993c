"""What is written of a scheduler's fire: that it began, as whom and with what; how it ended; what that means for the scheduler.

The plain fire takes three statements and no lock: it is read, begun and ended. Whatever is not plain (by hand, once, begun before,
turned off, failed) is settled with the scheduler's row locked.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.contracts.schedulers import FireRef, FireState
from agents_backend.db import sessions
from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.domain.errors import Forbidden, Invalid
from agents_backend.services import tasks
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.schedule_specs import timing_of
from agents_backend.services.task_parts import Owner

OWNER_DISABLED: Final = "Paused: its owner's account is disabled. Turn it on again when the account is enabled."
NOT_ALLOWED: Final = "Paused: its owner does not hold the permission {} any more."
GONE: Final = FireState(status="cancelled", ended=True)
SKIPPED: Final = FireState(status="skipped", ended=True)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Begun:
    """A fire that is to be carried out, or `state` when there is nothing to carry out."""

    owner: Owner | None = None
    task: str = ""
    arguments: dict[str, Any] | None = None
    run_id: uuid.UUID | None = None
    state: FireState | None = None


class FireRecords:
    def __init__(self, *, database: Database, mirror: ScheduleMirror) -> None:
        self._database, self._mirror = database, mirror

    async def begin(self, fire: FireRef) -> Begun:
        """Write that it begins, once; again gives what was written.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        plain = await self._begin_plainly(fire) if fire.scheduled_for is not None else None
        return plain or await self._begin_locked(fire)

    async def attach(self, fire: FireRef, run_id: uuid.UUID) -> None:
        """Write down the run that it started."""
        async with self._database.transaction() as session:
            row = await SchedulerRepository(session).fire(uuid.UUID(fire.fire_id))
            if row is not None:
                row.run_id = run_id

    async def succeed(self, fire: FireRef, result: dict[str, Any]) -> FireState:
        """Write that it succeeded, which ends the scheduler's failures in a row."""
        async with self._database.autocommit() as session:
            state = await SchedulerRepository(session).succeed(uuid.UUID(fire.fire_id), result)
        return _ended(*state) if state else await self.finish(fire, "succeeded", result=result)

    async def finish(self, fire: FireRef, status: str, **values: Any) -> FireState:
        """Write how it ended, and turn off a scheduler that fails again and again."""
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            scheduler, row, _ = await rows.to_fire(uuid.UUID(fire.scheduler_id), uuid.UUID(fire.fire_id), lock=True)
            if row is None or scheduler is None:
                return GONE
            if row.finished_at is not None:
                return ended(row)
            deliver = scheduler.webhook_url is not None and scheduler.deleted_at is None
            await rows.finish_fire(row, status, webhook_status="pending" if deliver else None, **values)
            version = scheduler.version
            _count(scheduler, row)
        if scheduler.version != version:
            await self._mirror.sync_or_leave(scheduler.id)
        return ended(row)

    async def _begin_plainly(self, fire: FireRef) -> Begun | None:
        async with self._database.autocommit() as session:
            rows = SchedulerRepository(session)
            found = await rows.to_fire(uuid.UUID(fire.scheduler_id), uuid.UUID(fire.fire_id))
            scheduler = _plain(fire, *found)
            if scheduler is None:
                return None
            row = _row(fire, scheduler)
            try:
                row.arguments = _arguments(scheduler)
            except Invalid:
                return None
            return _begun(scheduler, row) if await rows.begin(row, version=scheduler.version) else None

    async def _begin_locked(self, fire: FireRef) -> Begun:
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            scheduler, row, may_run = await rows.to_fire(
                uuid.UUID(fire.scheduler_id), uuid.UUID(fire.fire_id), lock=True
            )
            if row is not None and row.finished_at is not None:
                return Begun(state=ended(row))
            if scheduler is None or (row is None and scheduler.deleted_at is not None):
                return Begun(state=GONE)
            if row is not None and row.status == "running":
                return _begun(scheduler, row)
            version = scheduler.version
            begun = await self._settle(session, scheduler, row or _row(fire, scheduler), may_run=may_run)
        if scheduler.version != version:
            await self._mirror.sync_or_leave(scheduler.id)
        return begun

    async def _settle(self, session: AsyncSession, scheduler: Scheduler, row: SchedulerRun, *, may_run: bool) -> Begun:
        if row.scheduled_for is not None and timing_of(scheduler).is_spurious(row.scheduled_for):
            if scheduler.one_off:
                scheduler.changed()  # Temporal takes this for the one; a new Schedule has it still before it
            return Begun(state=SKIPPED)
        rows = SchedulerRepository(session)
        rows.add(row)
        hindrance = await _hindrance(session, scheduler, row, may_run=may_run)
        if hindrance is None:
            return await _start(rows, scheduler, row)
        await rows.finish_fire(row, "skipped", error=hindrance)
        return Begun(state=SKIPPED)


def ended(row: SchedulerRun) -> FireState:
    return _ended(row.status, row.webhook_status)


def _ended(status: str, webhook_status: str | None) -> FireState:
    return FireState.model_validate({"status": status, "ended": True, "deliver": webhook_status == "pending"})


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


def _plain(
    fire: FireRef,
    scheduler: Scheduler | None,
    row: SchedulerRun | None,
    may_run: bool,  # noqa: FBT001  # a row of the query
) -> Scheduler | None:
    """The scheduler, where nothing but the task itself can keep the fire from being carried out."""
    if scheduler is None or row is not None or not may_run or fire.scheduled_for is None:
        return None
    if not scheduler.enabled or scheduler.one_off or scheduler.deleted_at is not None:
        return None
    if tasks.permission_of(scheduler.task) or timing_of(scheduler).is_spurious(fire.scheduled_for):
        return None
    return scheduler


def _arguments(scheduler: Scheduler) -> dict[str, Any]:
    return tasks.arguments_of(tasks.find(scheduler.task), scheduler.args, scheduler.kwargs).model_dump(mode="json")


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
        row.arguments = _arguments(scheduler)
    except Invalid as error:  # they were right when it was made; the task has changed since
        await rows.finish_fire(row, "failed", error={"code": error.code, "detail": error.detail})
        _count(scheduler, row)
        return Begun(state=ended(row))
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
