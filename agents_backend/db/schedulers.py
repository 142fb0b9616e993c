"""SQL of schedulers and their fires."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.runs import Artifact, Run
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.db.tables.users import User

# Each fire's statements, made once: to make one costs more than to run it. No parameter has the name of a column, which an
# update would take for a new value of it.
_BEGUN = (
    *("id", "scheduler_id", "workflow_id", "task", "trigger", "arguments", "scheduled_for", "status", "created_at"),
    "started_at",
)
_TO_FIRE = (
    select(Scheduler, SchedulerRun, User.is_enabled & User.deleted_at.is_(None))
    .join(User, User.id == Scheduler.user_id)
    .outerjoin(SchedulerRun, SchedulerRun.id == bindparam("fire_id"))
    .where(Scheduler.id == bindparam("scheduler_id"))
)


def _begin() -> Select[uuid.UUID]:
    columns = [SchedulerRun.__table__.columns[name] for name in _BEGUN]
    values = (bindparam(f"fire_{column.name}", type_=column.type) for column in columns)
    given = select(*values).where(
        Scheduler.id == bindparam("fire_scheduler_id"), Scheduler.version == bindparam("fire_version")
    )
    made = (
        insert(SchedulerRun)
        .from_select(columns, given, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(SchedulerRun.scheduler_id, SchedulerRun.started_at)
        .cte("made")
    )
    counted = (
        update(Scheduler)
        .where(Scheduler.id == made.c.scheduler_id)
        .values(last_run_time=made.c.started_at, total_run_count=Scheduler.total_run_count + 1)
        .values(updated_at=Scheduler.updated_at)
        .returning(Scheduler.id)
        .cte("counted")
    )
    return select(counted.c.id)


def _succeed() -> Select[str, str | None]:
    told = Scheduler.webhook_url.is_not(None) & Scheduler.deleted_at.is_(None)
    ended = (
        update(SchedulerRun)
        .where(SchedulerRun.id == bindparam("fire_id"), SchedulerRun.finished_at.is_(None))
        .where(Scheduler.id == SchedulerRun.scheduler_id)
        .values(status="succeeded", finished_at=bindparam("at"), arguments=null(), result=bindparam("told"))
        .values(webhook_status=case((told, "pending")))
        .returning(SchedulerRun.scheduler_id, SchedulerRun.status, SchedulerRun.webhook_status)
        .cte("ended")
    )
    healed = update(Scheduler).where(Scheduler.id == ended.c.scheduler_id, Scheduler.failures != 0)
    healed = healed.values(failures=0, updated_at=Scheduler.updated_at)
    return select(ended.c.status, ended.c.webhook_status).add_cte(healed.cte("healed"))


_BEGIN, _SUCCEED = _begin(), _succeed()


class SchedulerRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def own(self, scheduler_id: uuid.UUID, user_id: int, *, lock: bool = False) -> Scheduler | None:
        query = select(Scheduler).where(
            Scheduler.id == scheduler_id, Scheduler.user_id == user_id, Scheduler.deleted_at.is_(None)
        )
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def locked(self, scheduler_id: uuid.UUID) -> Scheduler | None:
        """A scheduler whoever owns it, deleted ones included."""
        return await self._session.get(Scheduler, scheduler_id, with_for_update=True)

    async def page(
        self, user_id: int | None, *, offset: int, limit: int, filters: dict[str, Any]
    ) -> tuple[Sequence[Scheduler], int]:
        """Newest first, and how many there are; without a user, everybody's."""
        conditions: list[ColumnElement[bool]] = [Scheduler.deleted_at.is_(None)]
        if user_id is not None:
            conditions.append(Scheduler.user_id == user_id)
        conditions += [getattr(Scheduler, name) == value for name, value in filters.items()]
        total = await self._session.scalar(select(func.count()).select_from(Scheduler).where(*conditions))
        query = select(Scheduler).where(*conditions).order_by(Scheduler.created_at.desc(), Scheduler.id)
        return (await self._session.scalars(query.offset(offset).limit(limit))).all(), total or 0

    async def count(self, user_id: int) -> int:
        query = select(func.count()).select_from(Scheduler)
        query = query.where(Scheduler.user_id == user_id, Scheduler.deleted_at.is_(None))
        return await self._session.scalar(query) or 0

    def add(self, row: Scheduler | SchedulerRun) -> None:
        self._session.add(row)

    async def remove(self, scheduler: Scheduler) -> None:
        await self._session.delete(scheduler)

    # Fires

    async def to_fire(
        self, scheduler_id: uuid.UUID, fire_id: uuid.UUID, *, lock: bool = False
    ) -> tuple[Scheduler | None, SchedulerRun | None, bool]:
        """A scheduler; its fire of an id, if begun; whether its owner may sign in."""
        query = _TO_FIRE.with_for_update(of=Scheduler) if lock else _TO_FIRE
        found = (await self._session.execute(query, {"scheduler_id": scheduler_id, "fire_id": fire_id})).one_or_none()
        return (found[0], found[1], found[2]) if found else (None, None, False)

    async def begin(self, fire: SchedulerRun, *, version: int) -> bool:
        """Write a fire that runs and count it, in one statement.

        False, and nothing is written, where the scheduler has another version by now, or the fire is there already.
        """
        fire.status, fire.started_at = "running", now()
        values = {f"fire_{name}": getattr(fire, name) for name in _BEGUN}
        return await self._session.scalar(_BEGIN, {**values, "fire_version": version}) is not None

    async def succeed(self, fire_id: uuid.UUID, result: dict[str, Any]) -> tuple[str, str | None] | None:
        """End a fire well and forget the scheduler's failures in a row, in one statement; its status and its webhook's.

        None, and nothing is written, where there is no such fire or it has ended.
        """
        found = (await self._session.execute(_SUCCEED, {"fire_id": fire_id, "told": result, "at": now()})).one_or_none()
        return (found[0], found[1]) if found else None

    async def fire(self, fire_id: uuid.UUID) -> SchedulerRun | None:
        return await self._session.get(SchedulerRun, fire_id)

    async def fires(
        self, scheduler_id: uuid.UUID, *, offset: int, limit: int, status: str | None
    ) -> tuple[Sequence[SchedulerRun], int]:
        conditions: list[ColumnElement[bool]] = [SchedulerRun.scheduler_id == scheduler_id]
        if status is not None:
            conditions.append(SchedulerRun.status == status)
        count = select(func.count()).select_from(SchedulerRun).where(*conditions)
        query = select(SchedulerRun, count.scalar_subquery()).where(*conditions)
        query = query.order_by(SchedulerRun.created_at.desc(), SchedulerRun.id).offset(offset).limit(limit)
        found = (await self._session.execute(query)).all()
        total = found[0][1] if found else await self._session.scalar(count) if offset else 0
        return [fire for fire, _ in found], total or 0

    async def open_by_hand(self, user_id: int) -> int:
        """How many runs by hand of one's schedulers have not ended."""
        query = (
            select(func.count()).select_from(SchedulerRun).join(Scheduler, Scheduler.id == SchedulerRun.scheduler_id)
        )
        query = query.where(Scheduler.user_id == user_id, SchedulerRun.trigger == "manual")
        return await self._session.scalar(query.where(SchedulerRun.finished_at.is_(None))) or 0

    async def run(self, run_id: uuid.UUID) -> Run | None:
        return await self._session.get(Run, run_id)

    async def artifacts(self, run_ids: Sequence[uuid.UUID]) -> Sequence[Artifact]:
        if not run_ids:
            return []
        query = select(Artifact).where(Artifact.run_id.in_(run_ids)).order_by(Artifact.name)
        return (await self._session.scalars(query)).all()

    # What the sweep looks for

    async def unsynced(self, before: datetime, *, limit: int) -> Sequence[uuid.UUID]:
        """Changed before a time, and the Schedule does not have it yet."""
        apart = or_(Scheduler.version != Scheduler.synced_version, Scheduler.deleted_at.is_not(None))
        query = select(Scheduler.id).where(apart, Scheduler.changed_at < before).order_by(Scheduler.changed_at)
        return (await self._session.scalars(query.limit(limit))).all()

    async def of_disabled_owners(self, *, limit: int) -> Sequence[Scheduler]:
        """Those that are on although their owner may not sign in, locked."""
        query = (
            select(Scheduler)
            .join(User, User.id == Scheduler.user_id)
            .where(Scheduler.enabled, Scheduler.deleted_at.is_(None))
            .where(or_(User.is_enabled.is_(False), User.deleted_at.is_not(None)))
            .limit(limit)
            .with_for_update(of=Scheduler, skip_locked=True)
        )
        return (await self._session.scalars(query)).all()

    async def unstarted_fires(self, before: datetime, *, limit: int) -> Sequence[SchedulerRun]:
        """Asked for by hand before a time, and not yet begun."""
        query = select(SchedulerRun).where(SchedulerRun.status == "pending", SchedulerRun.finished_at.is_(None))
        return (await self._session.scalars(query.where(SchedulerRun.created_at < before).limit(limit))).all()

    async def open_fires(self, before: datetime, *, limit: int) -> Sequence[SchedulerRun]:
        """Some of those that somebody should be working on, another handful each time."""
        query = select(SchedulerRun).where(SchedulerRun.status == "running", SchedulerRun.finished_at.is_(None))
        query = query.where(SchedulerRun.started_at < before).order_by(func.random()).limit(limit)
        return (await self._session.scalars(query)).all()

    async def all_rows(self) -> Sequence[Scheduler]:
        return (await self._session.scalars(select(Scheduler).where(Scheduler.deleted_at.is_(None)))).all()

    async def unsync(self, ids: Sequence[uuid.UUID]) -> None:
        """Have the sweep write these Schedules anew."""
        query = update(Scheduler).where(Scheduler.id.in_(ids)).values(synced_version=0, updated_at=Scheduler.updated_at)
        await self._session.execute(query)

    async def forget_fires(self, before: datetime, *, limit: int) -> int:
        """Drop what ended long ago, some at a time; how many went."""
        old = select(SchedulerRun.id).where(SchedulerRun.created_at < before, SchedulerRun.finished_at.is_not(None))
        query = delete(SchedulerRun).where(SchedulerRun.id.in_(old.limit(limit)))
        return int((await self._session.execute(query)).rowcount)  # type: ignore[attr-defined]  # a CursorResult

    async def finish_fire(self, fire: SchedulerRun, status: str, **values: Any) -> None:
        fire.status, fire.finished_at, fire.arguments = status, now(), None
        for name, value in values.items():
            setattr(fire, name, value)
