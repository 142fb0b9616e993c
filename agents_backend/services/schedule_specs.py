"""A scheduler in Temporal's words: the names of its Schedule and workflows, its times, what a fire starts."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.common import Priority, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.contracts.schedulers import Fire
from agents_backend.db.base import now
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.services import timings
from agents_backend.services.timings import Timing

PREFIX: Final = "schedule-"
KIND: Final = "schedule"
PRIORITY: Final = 4
_USER, _KIND = (SearchAttributeKey.for_keyword(name) for name in ("UserId", "Kind"))
# An interval that comes round once in fifty years is a single instant.
_ONCE = timedelta(days=20_000)


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


def revision_in(note: str | None) -> str | None:
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


def attributes(user_id: int) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(_USER, str(user_id)), SearchAttributePair(_KIND, KIND)])
