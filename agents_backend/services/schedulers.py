"""Schedulers, as their owners know them. The row is committed first; the Temporal Schedule is made from it."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.domain.errors import Conflict, Forbidden, NotFound, TooMany
from agents_backend.integrations.addresses import Policy
from agents_backend.services.auth import Principal
from agents_backend.services.idempotency import claim, reading_what_was_made
from agents_backend.services.outcomes import Signing
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.schedule_specs import timing_of
from agents_backend.services.scheduler_definitions import check_task, define, new_row
from agents_backend.settings import Settings


class Schedulers:
    def __init__(self, *, database: Database, mirror: ScheduleMirror, settings: Settings) -> None:
        self._database, self._mirror, self._limit = database, mirror, settings.schedulers.per_user
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
            return await find(SchedulerRepository(session), scheduler_id, user_id)

    async def create(self, user_id: int, values: dict[str, Any], *, idempotency_key: str | None) -> Scheduler:
        """Make a scheduler; where Temporal is away it is kept, and its Schedule follows.

        Raises:
            Invalid: names the field. Forbidden: the task is not one's to name. TooMany: one has too many.
            IdempotencyMismatch: the key was used for another body.
        """
        wanted = uuid.uuid4()
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            made = await claim_scheduler(session, user_id, idempotency_key, ["create", values], wanted)
            if made != wanted:
                with reading_what_was_made():
                    return await find(rows, made, user_id)
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
            row = await find(rows, scheduler_id, user_id, lock=True)
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
            row = await find(SchedulerRepository(session), scheduler_id, user_id, lock=True)
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
            row = await find(SchedulerRepository(session), scheduler_id, user_id, lock=True)
            row.deleted_at, row.enabled = now(), False
            row.changed()
        await self._mirror.sync_or_leave(row.id)

    async def new_secret(self, scheduler_id: uuid.UUID, user_id: int) -> str:
        """Sign with another secret from now on; it is told here and nowhere else.

        Raises:
            NotFound: no such scheduler.
        """
        async with self._database.transaction() as session:
            row = await find(SchedulerRepository(session), scheduler_id, user_id, lock=True)
            row.webhook_secret_version += 1
        return self._signing.secret(row.id, row.webhook_secret_version)

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


async def find(rows: SchedulerRepository, scheduler_id: uuid.UUID, user_id: int, *, lock: bool = False) -> Scheduler:
    """One's own scheduler.

    Raises:
        NotFound: none, or somebody else's.
    """
    row = await rows.own(scheduler_id, user_id, lock=lock)
    if row is None:
        raise NotFound("There is no such scheduler.", code="SCHEDULER_NOT_FOUND")
    return row


def _expect(row: Scheduler, version: int | None) -> None:
    if version is not None and version != row.version:
        raise Conflict("The scheduler was changed meanwhile; read it again.", code="VERSION_CONFLICT")


async def claim_scheduler(
    session: AsyncSession, user_id: int, key: str | None, body: Any, wanted: uuid.UUID
) -> uuid.UUID:
    """The id of what an earlier request with this key and body made, or the one that is wanted.

    Raises:
        IdempotencyMismatch: the key was used for another request.
    """
    return uuid.UUID(await claim(session, user_id, key, operation="scheduler", body=body, wanted=str(wanted)))
