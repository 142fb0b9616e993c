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
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.contracts.schedulers import Overlap
from agents_backend.db.base import Database
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.domain.errors import Unavailable
from agents_backend.services.schedule_specs import PREFIX, attributes, policy, revision_in, schedule_id, schedule_of

RPC: Final = timedelta(seconds=5)
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
                    yield entry.id, revision_in(entry.schedule.state.note), entry.schedule.state.paused
        except (RPCError, RuntimeError) as error:
            raise unavailable() from error


def unavailable() -> Unavailable:
    return Unavailable("Temporal is not available now.", retry_after=2)


def _changed(wanted: Schedule, given: ScheduleUpdateInput) -> ScheduleUpdate | None:
    """None where Temporal has it: an update that changes nothing could still miss a fire of the same second."""
    state = given.description.schedule.state
    same = state.note == wanted.state.note and state.paused == wanted.state.paused
    return None if same else ScheduleUpdate(wanted)
