"""A scheduler's fire, from its beginning to its end: recorded, carried out as its owner, counted.

Every step may be tried again. A fire is begun once, by its id; what it started is found again by the same id.
"""

import uuid
from typing import Any, Final

from agents_backend.contracts.schedulers import FireEnd, FireRef, FireState
from agents_backend.db.base import Database
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import AgentsError, ModelRejected, TooMany, Unavailable, UpstreamRejected
from agents_backend.domain.runs import RunStatus
from agents_backend.services import tasks
from agents_backend.services.fire_records import GONE, Begun, FireRecords, ended
from agents_backend.services.runs import RunsService
from agents_backend.services.task_parts import Arguments, Carriers, Performed, Task

ATTEMPTS: Final = 3


class ScheduledTasks:
    def __init__(self, *, database: Database, records: FireRecords, runs: RunsService, carriers: Carriers) -> None:
        self._database, self._records, self._runs, self._carriers = database, records, runs, carriers

    async def start(self, fire: FireRef) -> FireState:
        """Begin the fire, and carry its task out if that is quick; what cannot be done now is left to `perform`.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        begun = await self._records.begin(fire)
        if begun.state is not None or begun.owner is None:
            return begun.state or GONE
        if begun.run_id is not None:
            return LEFT_OVER
        try:
            task, arguments = _carried(begun)
            if not task.quick(arguments):
                return LEFT_OVER
            return await self._performed(fire, await task.perform(self._carriers, begun.owner, arguments))
        except AgentsError as error:
            return LEFT_OVER if may_heal(error, 1) else await self._failed(fire, error)

    async def perform(self, fire: FireRef, *, attempt: int) -> FireState:
        """Carry the fire's task out; again goes on from where it was.

        A task that fails is tried `ATTEMPTS` times, and what it fails with then ends the fire.

        Raises:
            Unavailable: PostgreSQL, Redis or Temporal is away, or a dependency of the task may yet heal.
        """
        begun = await self._records.begin(fire)
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
        return await self._records.finish(fire, "failed", error={"code": error.code, "detail": error.detail})

    async def look(self, fire: FireRef) -> FireState:
        """Whether the run that the fire started has ended; then the fire ends as it did."""
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await rows.fire(uuid.UUID(fire.fire_id))
            if row is None:
                return GONE
            if row.finished_at is not None:
                return ended(row)
            run = await rows.run(row.run_id) if row.run_id else None
        if run is None:
            gone = {"code": "RUN_NOT_FOUND", "detail": "The run was deleted before it ended."}
            return await self._records.finish(fire, "failed", error=gone)
        if not RunStatus(run.status).is_final:
            return FireState(status="running", ended=False)
        return await self._records.finish(fire, run.status, error=run.error, result=_result_of(run))

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
        return await self._records.finish(end.fire, end.status, error=error)

    async def _performed(self, fire: FireRef, performed: Performed) -> FireState:
        if performed.run_id is None:
            return await self._records.succeed(fire, performed.result)
        await self._records.attach(fire, performed.run_id)
        return FireState(status="running", ended=False)


LEFT_OVER: Final = FireState(status="running", ended=False, todo=True)


def _carried(begun: Begun) -> tuple[Task, Arguments]:
    task = tasks.find(begun.task)
    return task, tasks.arguments_of(task, [], begun.arguments or {})


def may_heal(error: AgentsError, attempt: int) -> bool:
    """Whether a task that failed is tried again: for as long as our own servers are away, else a few times."""
    if isinstance(error, ModelRejected | UpstreamRejected):
        return False
    return type(error) is Unavailable or (isinstance(error, Unavailable | TooMany) and attempt < ATTEMPTS)


def _result_of(run: Run) -> dict[str, Any]:
    return {"usage": run.usage, "cost_usd": run.cost_usd, "model": run.model}
