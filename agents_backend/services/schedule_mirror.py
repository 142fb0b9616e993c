"""Makes each scheduler's Temporal Schedule what its row says; the row is the truth, and this the only writer of Schedules.

The row stays locked from being read to being marked as synced, so that of two changes the later one is written last.
A crash in between leaves `synced_version` behind, and the sweep calls this again (docs/adr/0040).
"""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import Priority, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.contracts.schedulers import Fire, Overlap
from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.domain.errors import Unavailable
from agents_backend.services import timings
from agents_backend.services.timings import Timing

RPC: Final = timedelta(seconds=5)
PREFIX: Final = "schedule-"
KIND: Final = "schedule"
PRIORITY: Final = 4
_USER, _KIND = (SearchAttributeKey.for_keyword(name) for name in ("UserId", "Kind"))
# An interval that comes round once in fifty years is a single instant.
_ONCE = timedelta(days=20_000)
_log = structlog.get_logger(__name__)


class ScheduleMirror:
    def __init__(self, *, database: Database, temporal: Client) -> None:
        self._database, self._temporal = database, temporal

    async def sync(self, scheduler_id: uuid.UUID) -> None:
        """Bring the Schedule to the row's state; again is harmless.

        Raises:
            Unavailable: Temporal or PostgreSQL is away; the row stays marked as not synced.
        """
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await rows.locked(scheduler_id)
            if row is None:
                return
            if row.deleted_at is not None:
                await self.delete(schedule_id(row.id))
                await rows.remove(row)
                return
            try:
                await self._put(row)
            except RPCError as error:
                if error.status != RPCStatusCode.INVALID_ARGUMENT:
                    raise unavailable() from error
                row.pause(f"Temporal refuses these times: {error.message}")
                _log.warning("schedule_refused", scheduler_id=str(row.id), error=error.message)
            row.synced_version = row.version

    async def sync_or_leave(self, scheduler_id: uuid.UUID) -> None:
        """Sync now, or leave it to the sweep where Temporal is away: the change is committed either way."""
        try:
            await self.sync(scheduler_id)
        except Unavailable as error:
            _log.warning("schedule_not_synced_yet", scheduler_id=str(scheduler_id), error=error.detail)

    async def _put(self, row: Scheduler) -> None:
        wanted, found = schedule_of(row), attributes(row.user_id)
        try:
            await self._temporal.create_schedule(
                schedule_id(row.id),
                wanted,
                memo={"scheduler_id": str(row.id), "user_id": row.user_id},
                search_attributes=found,
                rpc_timeout=RPC,
            )
        except ScheduleAlreadyRunningError:
            handle = self._temporal.get_schedule_handle(schedule_id(row.id))
            await handle.update(partial(_changed, wanted), rpc_timeout=RPC)
        except RuntimeError as error:  # what a lazy client raises when it cannot connect
            raise unavailable() from error

    async def delete(self, schedule: str) -> None:
        """Delete a Schedule; one that is not there is no error.

        Raises:
            Unavailable: Temporal is away.
        """
        try:
            await self._temporal.get_schedule_handle(schedule).delete(rpc_timeout=RPC)
        except (RPCError, RuntimeError) as error:
            if not (isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND):
                raise unavailable() from error

    async def backfill(self, row: Scheduler, start: datetime, end: datetime, overlap: Overlap) -> None:
        """Take the actions of a range of time, its ends included.

        Raises:
            Unavailable: Temporal is away, or has not got the Schedule yet.
        """
        handle = self._temporal.get_schedule_handle(schedule_id(row.id))
        # Temporal's beginning is exclusive.
        span = ScheduleBackfill(start - timedelta(seconds=1), end, overlap=policy(overlap))
        try:
            await handle.backfill(span, rpc_timeout=RPC)
        except (RPCError, RuntimeError) as error:
            raise unavailable() from error

    async def listed(self) -> AsyncIterator[tuple[str, str | None, bool]]:
        """Every Schedule of ours that Temporal lists: its id, its revision, whether it is paused. The list may lag.

        Raises:
            Unavailable: Temporal is away.
        """
        try:
            async for entry in await self._temporal.list_schedules(rpc_timeout=RPC):
                if entry.id.startswith(PREFIX) and entry.schedule is not None:
                    yield entry.id, _revision_in(entry.schedule.state.note), entry.schedule.state.paused
        except (RPCError, RuntimeError) as error:
            raise unavailable() from error


def unavailable() -> Unavailable:
    return Unavailable("Temporal is not available now.", retry_after=2)


def schedule_id(scheduler_id: uuid.UUID) -> str:
    return f"{PREFIX}{scheduler_id}"


def workflow_id(scheduler_id: uuid.UUID) -> str:
    """What the ids of its workflows begin with; Temporal adds the time of the fire."""
    return f"scheduler-{scheduler_id}"


def timing_of(row: Scheduler) -> Timing:
    return Timing(
        crontab=row.crontab,
        every=_every(row),
        timezone=row.timezone,
        anchor=row.start_time or row.created_at.replace(microsecond=0),
        start=row.start_time,
        expire=row.expire_time,
    )


def _every(row: Scheduler) -> timedelta | None:
    if row.interval_every is None or row.interval_period is None:
        return None
    return timedelta(seconds=row.interval_every * timings.SECONDS[row.interval_period])


def revision(row: Scheduler) -> str:
    """What a Schedule's note begins with. A crontab's is renewed with the year: it names days on which clocks are set."""
    return f"v{row.version}" if row.crontab is None else f"v{row.version}/{now().year}"


def _revision_in(note: str | None) -> str | None:
    return note.partition(" ")[0] if note else None


def schedule_of(row: Scheduler) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            names.SCHEDULED_TASK_WORKFLOW,
            Fire(scheduler_id=str(row.id)),
            id=workflow_id(row.id),
            task_queue=queues.BACKGROUND,
            static_summary=summary(row),
            memo={"scheduler_id": str(row.id)},
            typed_search_attributes=attributes(row.user_id),
            priority=Priority(priority_key=PRIORITY),
        ),
        spec=spec_of(timing_of(row), jitter=timedelta(seconds=row.jitter_seconds)),
        policy=SchedulePolicy(overlap=policy(row.overlap), catchup_window=timedelta(seconds=row.catchup_seconds)),
        state=ScheduleState(
            note=f"{revision(row)} {row.name}",
            paused=not row.enabled,
            limited_actions=row.one_off,
            remaining_actions=1 if row.one_off else 0,
        ),
    )


def summary(row: Scheduler) -> str:
    return f"{row.name} · {row.task} for user {row.user_id}"[:200]


def policy(overlap: str) -> ScheduleOverlapPolicy:
    return ScheduleOverlapPolicy[overlap.upper()]


def spec_of(timing: Timing, *, jitter: timedelta = timedelta()) -> ScheduleSpec:
    """Temporal's form of the times. It may fire too often where clocks are set (`Timing.is_spurious`), never less."""
    return ScheduleSpec(
        calendars=[_calendar(item) for item in timings.calendars_of(timing.crontab)] if timing.crontab else [],
        intervals=_intervals(timing),
        start_at=timing.start or timing.anchor + timedelta(seconds=1),
        end_at=timing.expire,
        jitter=jitter or None,
        time_zone_name=timing.timezone if timing.crontab else None,
    )


def _intervals(timing: Timing) -> list[ScheduleIntervalSpec]:
    if timing.every:
        return [_interval(timing.every, timing.anchor)]
    return [_interval(_ONCE, time) for time in timings.added_times(timing, now().year)]


def _interval(every: timedelta, anchor: datetime) -> ScheduleIntervalSpec:
    return ScheduleIntervalSpec(every=every, offset=timedelta(seconds=int(anchor.timestamp())) % every)


def _calendar(calendar: timings.Calendar) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        minute=_ranges(calendar.minutes),
        hour=_ranges(calendar.hours),
        day_of_month=_ranges(calendar.days),
        month=_ranges(calendar.months),
        day_of_week=_ranges(calendar.weekdays),
    )


def _ranges(values: tuple[int, ...]) -> list[ScheduleRange]:
    """Neighbours as one range."""
    found: list[ScheduleRange] = []
    for value in values:
        if found and found[-1].end == value - 1:
            found[-1] = ScheduleRange(found[-1].start, value)
        else:
            found.append(ScheduleRange(value, value))
    return found


def _changed(wanted: Schedule, given: ScheduleUpdateInput) -> ScheduleUpdate | None:
    """None where Temporal has it: an update that changes nothing could still miss a fire of the same second."""
    state = given.description.schedule.state
    same = state.note == wanted.state.note and state.paused == wanted.state.paused
    return None if same else ScheduleUpdate(wanted)


def attributes(user_id: int) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(_USER, str(user_id)), SearchAttributePair(_KIND, KIND)])
