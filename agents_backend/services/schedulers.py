"""Schedulers, as their owners know them. The row is committed first; the Temporal Schedule is made from it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
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
from agents_backend.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable
from agents_backend.integrations.addresses import Policy
from agents_backend.services.auth import Principal
from agents_backend.services.idempotency import claim, reading_what_was_made, release
from agents_backend.services.outcomes import Signing
from agents_backend.services.schedule_mirror import (
    PRIORITY,
    RPC,
    ScheduleMirror,
    attributes,
    summary,
    timing_of,
    unavailable,
    workflow_id,
)
from agents_backend.services.scheduler_definitions import check_task, define, new_row
from agents_backend.settings import Settings

MAX_BACKFILL: Final = 500


@dataclass(frozen=True)
class FiredRun:
    fire: SchedulerRun
    artifacts: Sequence[Artifact]


class Schedulers:
    def __init__(self, *, database: Database, mirror: ScheduleMirror, temporal: Client, settings: Settings) -> None:
        self._database, self._mirror, self._temporal = database, mirror, temporal
        self._limit, self._runs_limit = settings.schedulers.per_user, settings.api.runs_per_user
        self._addresses = Policy(allow_loopback=settings.agents.fetch_allow_loopback)
        self._signing = Signing(settings)

    async def list(
        self, user: Principal, *, page: int, size: int, filters: dict[str, Any], everybody: bool = False
    ) -> tuple[Sequence[Scheduler], int]:
        """One's schedulers, newest first, and how many there are; `everybody`'s for a superuser.

        Raises:
            Forbidden: everybody's, to one who is not a superuser.
        """
        if everybody and not user.is_superuser:
            raise Forbidden
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            owner = None if everybody else user.user_id
            return await rows.page(owner, offset=(page - 1) * size, limit=size, filters=filters)

    async def get(self, scheduler_id: uuid.UUID, user_id: int) -> Scheduler:
        """One's own scheduler.

        Raises:
            NotFound: none, or somebody else's.
        """
        async with self._database.transaction() as session:
            return await _find(SchedulerRepository(session), scheduler_id, user_id)

    async def create(self, user_id: int, values: dict[str, Any], *, idempotency_key: str | None) -> Scheduler:
        """Make a scheduler; where Temporal is away it is kept, and its Schedule follows.

        Raises:
            Invalid: names the field. Forbidden: the task is not one's to name. TooMany: one has too many.
            IdempotencyMismatch: the key was used for another body.
        """
        wanted = uuid.uuid4()
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            made = await _claim(session, user_id, idempotency_key, ["create", values], wanted)
            if made != wanted:
                with reading_what_was_made():
                    return await _find(rows, made, user_id)
            if await rows.count(user_id) >= self._limit:
                raise TooMany(f"There are {self._limit} schedulers already.")
            row = new_row(wanted, user_id)
            define(row, values)
            await check_task(session, row, self._addresses)
            rows.add(row)
        await self._mirror.sync_or_leave(row.id)
        return await self.get(row.id, user_id)

    async def update(
        self, scheduler_id: uuid.UUID, user_id: int, values: dict[str, Any], *, version: int | None
    ) -> Scheduler:
        """Change what is given and keep the rest. A run that is under way goes on as it began.

        Raises:
            NotFound: no such scheduler. Invalid: names the field. Forbidden: the task is not one's to name.
            Conflict: it has another version than `version`.
        """
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await _find(rows, scheduler_id, user_id, lock=True)
            _expect(row, version)
            define(row, values)
            await check_task(session, row, self._addresses)
            row.changed()
        await self._mirror.sync_or_leave(row.id)
        return await self.get(scheduler_id, user_id)

    async def enable(self, scheduler_id: uuid.UUID, user_id: int, *, enabled: bool | None) -> Scheduler:
        """Turn it on or off, or, with None, the other way round.

        Raises:
            NotFound: no such scheduler. Invalid: it has expired.
        """
        async with self._database.transaction() as session:
            row = await _find(SchedulerRepository(session), scheduler_id, user_id, lock=True)
            wanted = not row.enabled if enabled is None else enabled
            define(row, {"enabled": wanted})
            row.changed()
        await self._mirror.sync_or_leave(row.id)
        return await self.get(scheduler_id, user_id)

    async def delete(self, scheduler_id: uuid.UUID, user_id: int) -> None:
        """Delete it; a run that is under way goes on to its end.

        Raises:
            NotFound: no such scheduler.
        """
        async with self._database.transaction() as session:
            row = await _find(SchedulerRepository(session), scheduler_id, user_id, lock=True)
            row.deleted_at, row.enabled = now(), False
            row.changed()
        await self._mirror.sync_or_leave(row.id)

    async def new_secret(self, scheduler_id: uuid.UUID, user_id: int) -> str:
        """Sign with another secret from now on; it is told here and nowhere else.

        Raises:
            NotFound: no such scheduler.
        """
        async with self._database.transaction() as session:
            row = await _find(SchedulerRepository(session), scheduler_id, user_id, lock=True)
            row.webhook_secret_version += 1
        return self._signing.secret(row.id, row.webhook_secret_version)

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
            row = await _find(rows, scheduler_id, user_id)
            made = await _claim(session, user_id, idempotency_key, ["run", str(scheduler_id)], wanted)
            if made != wanted and (known := await rows.fire(made)) is not None:
                return FiredRun(known, ())
            if await rows.open_by_hand(user_id) >= self._runs_limit:
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
        row = await self.get(scheduler_id, user_id)
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

    async def runs(
        self, scheduler_id: uuid.UUID, user_id: int, *, page: int, size: int, status: str | None
    ) -> tuple[Sequence[FiredRun], int]:
        """What its fires came to, newest first, each with the artifacts of its run.

        Raises:
            NotFound: no such scheduler.
        """
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            await _find(rows, scheduler_id, user_id)
            fires, total = await rows.fires(scheduler_id, offset=(page - 1) * size, limit=size, status=status)
            artifacts = await rows.artifacts([fire.run_id for fire in fires if fire.run_id])
        return [FiredRun(fire, [a for a in artifacts if a.run_id == fire.run_id]) for fire in fires], total

    @staticmethod
    def preview(values: dict[str, Any], count: int) -> Sequence[datetime]:
        """The next times of a definition that is not saved.

        Raises:
            Invalid: names the field.
        """
        row = new_row(uuid.uuid4(), 0)
        define(row, values)
        return list(islice(timing_of(row).times(now()), 1 if row.one_off else count))


def next_run_time(row: Scheduler, after: datetime) -> datetime | None:
    """When it fires next by the schedule; jitter, if any, comes on top."""
    return timing_of(row).next(after) if row.enabled else None


async def _find(rows: SchedulerRepository, scheduler_id: uuid.UUID, user_id: int, *, lock: bool = False) -> Scheduler:
    row = await rows.own(scheduler_id, user_id, lock=lock)
    if row is None:
        raise NotFound("There is no such scheduler.", code="SCHEDULER_NOT_FOUND")
    return row


def _expect(row: Scheduler, version: int | None) -> None:
    if version is not None and version != row.version:
        raise Conflict("The scheduler was changed meanwhile; read it again.", code="VERSION_CONFLICT")


async def _claim(session: AsyncSession, user_id: int, key: str | None, body: Any, wanted: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(await claim(session, user_id, key, operation="scheduler", body=body, wanted=str(wanted)))


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
