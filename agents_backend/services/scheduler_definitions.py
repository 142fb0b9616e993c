"""What a scheduler is told to be: its defaults, what a client changes, and whether the whole makes sense."""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import sessions
from agents_backend.db.base import now
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.domain.errors import Forbidden, Invalid
from agents_backend.integrations.addresses import Policy
from agents_backend.services import tasks, timings
from agents_backend.services.task_parts import Checks

_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_TIMES: Final = ("crontab", "interval_every", "interval_period")


def new_row(scheduler_id: uuid.UUID, user_id: int) -> Scheduler:
    return Scheduler(
        id=scheduler_id,
        user_id=user_id,
        args=[],
        kwargs={},
        timezone="UTC",
        enabled=True,
        one_off=False,
        overlap="skip",
        remark="",
        catchup_seconds=3600,
        jitter_seconds=0,
        max_failures=5,
        failures=0,
        webhook_secret_version=1,
        version=1,
        synced_version=0,
        total_run_count=0,
        created_at=now(),
        changed_at=now(),
    )


def define(row: Scheduler, values: dict[str, Any]) -> None:
    """Set what is given and check the whole.

    Raises:
        Invalid: names the field.
    """
    given = dict(values)
    if row.pause_reason is not None and given.get("remark") == row.pause_reason:
        del given["remark"]  # read, and written back: it is not the owner's own
    other_type = given.get("type", row.type) != row.type
    for name in _TIMES if other_type else ():
        given.setdefault(name, None)
    turned_on = given.get("enabled", row.enabled) and not row.enabled
    for name, value in given.items():
        setattr(row, name, _whole(value) if isinstance(value, datetime) else value)
    if turned_on:
        row.failures = 0
    if given.get("enabled") is not None and row.enabled:
        row.pause_reason = None
    _check_range(row, turned_on=turned_on, given=given)
    _check_times(row)


def _whole(time: datetime) -> datetime:
    return time.replace(microsecond=0)


def _check_times(row: Scheduler) -> None:
    timings.check_timezone(row.timezone)
    if row.type == "crontab":
        if row.crontab is None:
            raise Invalid.field("crontab", "is needed with the type crontab")
        _refuse_given(row, "interval_every", "interval_period")
        timings.check_crontab(row.crontab)
        return
    if row.interval_every is None:
        raise Invalid.field("interval_every", "is needed with the type interval")
    if row.interval_period is None:
        raise Invalid.field("interval_period", "is needed with the type interval")
    _refuse_given(row, "crontab")
    if row.interval_every * timings.SECONDS[row.interval_period] > timings.MAX_EVERY.total_seconds():
        raise Invalid.field("interval_every", f"must be {timings.MAX_EVERY.days} days or less")


def _refuse_given(row: Scheduler, *fields: str) -> None:
    for name in fields:
        if getattr(row, name) is not None:
            raise Invalid.field(name, f"does not go with the type {row.type}")


def _check_range(row: Scheduler, *, turned_on: bool, given: dict[str, Any]) -> None:
    for name in ("start_time", "expire_time"):
        value = getattr(row, name)
        if value is not None and not _EARLIEST <= value < _LATEST:
            raise Invalid.field(name, f"must be between {_EARLIEST.year} and {_LATEST.year}")
    if row.expire_time is None:
        return
    if row.start_time is not None and row.expire_time <= row.start_time:
        raise Invalid.field("expire_time", "must be after start_time")
    if row.expire_time <= now() and row.enabled and (turned_on or given.get("expire_time") is not None):
        raise Invalid.field("expire_time", "has passed")


async def check_task(session: AsyncSession, row: Scheduler, addresses: Policy) -> None:
    """The task is there and its owner's to name, its arguments are of its form and refer to what they have, addresses are public.

    Raises:
        Invalid: names the field. Forbidden: the task takes a permission that its owner does not hold.
    """
    checks = Checks(session, addresses)
    task = tasks.find(row.task)
    if task.permission is not None and not await sessions.holds(session, row.user_id, task.permission):
        raise Forbidden(f"The task {task.name} takes the permission {task.permission}.")
    arguments = tasks.arguments_of(task, row.args, row.kwargs)
    if task.check is not None:
        await task.check(checks, row.user_id, arguments)
    if row.webhook_url is not None:
        checks.url(["webhook_url"], row.webhook_url)
