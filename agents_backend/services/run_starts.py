"""Accepting a run of any kind: rows first and committed, then the workflow under a derived id."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.contracts import events
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import TooMany, Unavailable
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.services.idempotency import claim, reading_what_was_made, release
from agents_backend.services.launches import Launches
from agents_backend.services.runs import StartedRun, find
from agents_backend.services.spending import Spending
from agents_backend.settings import Settings


@dataclass(frozen=True)
class NewRun:
    """What a request asks for.

    Attributes:
        kind: one of `launches.KINDS`.
        options: what the run's activities read from its row; never a secret.
        body: what makes two requests with one Idempotency-Key the same request; without it, `options`.
        protocol_run_id: the runId of AG-UI events, where the client chose one.
    """

    user_id: int
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    agent_name: str = ""
    body: Any = None
    protocol_run_id: str | None = None
    idempotency_key: str | None = None
    request_id: str = ""

    @property
    def digested(self) -> list[Any]:
        """What must be the same in two requests with one Idempotency-Key."""
        return [self.agent_name, self.options if self.body is None else self.body]


# Adds what the run needs beside its row, in the same transaction; gives the public id of its thread, if it has one.
Fill = Callable[[RunRepository, Run], Awaitable[str]]


class RunStarts:
    def __init__(
        self, *, database: Database, log: EventLog, launches: Launches, spending: Spending, settings: Settings
    ) -> None:
        self._database, self._log, self._launches, self._spending = database, log, launches, spending
        self._limit = settings.api.runs_per_user

    async def start(self, new: NewRun, fill: Fill | None = None) -> StartedRun:
        """Accept a run; the same Idempotency-Key with the same body gives the run that it gave before.

        Raises:
            InsufficientCredits: runs are paid for, and the user has not enough for this one; nothing was started.
            TooMany: the user has too many active runs. IdempotencyMismatch: the key was used for another body.
            Unavailable: Temporal, PostgreSQL or Redis is away; nothing was started, and the key is free again.
        """
        wanted = uuid.uuid4()
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run_id = await _claim(session, new, wanted)
            if run_id != wanted:
                with reading_what_was_made():
                    return await find(rows, run_id, new.user_id)
            if await rows.active_count(new.user_id) >= self._limit:
                raise TooMany("Too many runs are active.", retry_after=5)
            run = _row(new, run_id)
            run.credits_reserved = self._spending.first_reserve
            thread_id = await fill(rows, run) if fill else ""
            session.add(run)
            await self._spending.begin(session, run)
        try:
            begin = events.run_started(thread_id, run.protocol_run_id)
            await self._log.append(str(run.id), [begin], writer="leg-1-begin")
            if run.status == RunStatus.PENDING:
                await self._launches.launch(run)
        except Unavailable as error:
            await self._withdraw(run, new, error)
            raise
        return StartedRun(run, thread_id)

    async def _withdraw(self, run: Run, new: NewRun, error: Unavailable) -> None:
        """The caller is told that nothing was started: a workflow that began all the same finds its run closed."""
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            failure = {"code": error.code, "detail": error.detail}
            await release(session, new.user_id, new.idempotency_key)
            if await rows.set_status(run.id, RunStatus.FAILED, finished_at=now(), error=failure):
                await self._spending.settle_ended(session, run.id)


async def _claim(session: AsyncSession, new: NewRun, wanted: uuid.UUID) -> uuid.UUID:
    """The id of the run to make: `wanted`, or that of the run which an earlier request with the same key has made."""
    body, key = new.digested, new.idempotency_key
    return uuid.UUID(await claim(session, new.user_id, key, operation=new.kind, body=body, wanted=str(wanted)))


def _row(new: NewRun, run_id: uuid.UUID) -> Run:
    return Run(
        id=run_id,
        user_id=new.user_id,
        kind=new.kind,
        agent_name=new.agent_name,
        status=RunStatus.PENDING,
        options=new.options,
        protocol_run_id=new.protocol_run_id or str(run_id),
        leg=1,
        rollback=False,
        request_id=new.request_id,
        model="",
        usage={},
        cost_usd=0,
        created_at=now(),
    )
