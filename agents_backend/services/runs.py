"""Runs, as their users know them: look, cancel, answer. How one begins is in `run_starts`, how one ends in `run_ends`."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from agents_backend.contracts import activities as names
from agents_backend.contracts import events
from agents_backend.contracts.turns import Answers, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Interrupt, Run
from agents_backend.domain.errors import Conflict, Invalid, NotFound, RunClosed, Unavailable
from agents_backend.domain.runs import Decision, RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.services.launches import Launches
from agents_backend.services.plan_reviews import check_answer
from agents_backend.services.spending import Spending

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StartedRun:
    """A run as its caller sees it.

    Attributes:
        thread_id: the thread's public id, empty for a run without one.
        leg: where the caller's stream begins: 1 for the whole run, a later one for who has answered.
    """

    run: Run
    thread_id: str
    leg: int = 1


async def find(rows: RunRepository, run_id: uuid.UUID, user_id: int, *, lock: bool = False) -> StartedRun:
    """One's own run.

    Raises:
        NotFound: none, or somebody else's.
    """
    run = await rows.run(run_id, user_id=user_id, lock=lock)
    if run is None:
        raise NotFound("There is no such run.", code="RUN_NOT_FOUND")
    thread = await rows.thread_by_key(run.thread_id) if run.thread_id else None
    return StartedRun(run, thread.public_id if thread else "")


class RunsService:
    def __init__(self, *, database: Database, log: EventLog, launches: Launches, spending: Spending) -> None:
        self._database, self._log, self._launches, self._spending = database, log, launches, spending

    async def get(self, run_id: uuid.UUID, user_id: int) -> StartedRun:
        """One's own run.

        Raises:
            NotFound: none, or somebody else's.
        """
        async with self._database.transaction() as session:
            return await find(RunRepository(session), run_id, user_id)

    async def list(
        self, user_id: int, *, page: int, size: int, filters: dict[str, Any]
    ) -> tuple[Sequence[StartedRun], int]:
        """One's runs, newest first, and how many there are."""
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            found, total = await rows.runs(user_id, offset=(page - 1) * size, limit=size, filters=filters)
        return [StartedRun(run, thread_id or "") for run, thread_id in found], total

    async def cancel(self, run_id: uuid.UUID, user_id: int) -> StartedRun:
        """Ask the run to stop; twice is harmless.

        Raises:
            NotFound: no such run. Unavailable: Temporal is away.
        """
        found = await self.get(run_id, user_id)
        if RunStatus(found.run.status).is_final:
            return found
        if found.run.status == RunStatus.QUEUED and await self._cancel_queued(found):
            return await self.get(run_id, user_id)
        await self._launches.cancel(found.run)
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            await rows.stop_waiting(run_id)
            return await find(rows, run_id, user_id)

    async def _cancel_queued(self, found: StartedRun) -> bool:
        """End a run that has no workflow yet; False when it got one meanwhile."""
        async with self._database.transaction() as session:
            if not await RunRepository(session).cancel_queued(found.run.id):
                return False
            await self._spending.settle_ended(session, found.run.id)
        end = events.run_finished(found.thread_id, found.run.protocol_run_id, usage=Usage(), model="", cancelled=True)
        await self._log.append(str(found.run.id), [end], writer="end", ended=True)
        return True

    async def resume(self, run_id: uuid.UUID, user_id: int, answers: dict[str, Any]) -> StartedRun:
        """Answer a waiting run's questions: one answer for all of them, or one by each question's id.

        The answers are committed first; where Temporal is away, the sweep delivers them later.

        Raises:
            NotFound: no such run. RunClosed: it has ended. Conflict: it waits for nothing.
        """
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            found = await find(rows, run_id, user_id, lock=True)
            await accept_answers(rows, found.run, answers)
        await self.deliver(found)
        return found

    async def deliver(self, found: StartedRun) -> None:
        """Tell the workflow and the stream that the present leg has begun; again is harmless."""
        run = found.run
        begin = events.run_started(found.thread_id, run.protocol_run_id, leg=run.leg)
        async with self._database.transaction() as session:
            asked = await RunRepository(session).interrupts(run.id, leg=run.leg - 1)
        decisions: dict[str, Decision] = {item.id: (item.answer or {}).get("decision", "approve") for item in asked}
        try:
            await self._log.append(str(run.id), [begin], writer=f"leg-{run.leg}-begin")
            await self._launches.signal(run, names.RESUME_SIGNAL, Answers(leg=run.leg, decisions=decisions))
        except Unavailable as error:
            _log.warning("answer_not_delivered_yet", run_id=str(run.id), error=error.detail)
            return
        async with self._database.transaction() as session:
            await RunRepository(session).mark_delivered(run.id, leg=run.leg - 1)


async def accept_answers(rows: RunRepository, run: Run, answers: dict[str, Any]) -> None:
    """Write the answers of a waiting run and begin its next leg.

    Raises:
        RunClosed: it has ended. Conflict: it waits for nothing. Invalid: some questions are answered, and some are not, or an
            edited plan is no plan.
    """
    if RunStatus(run.status).is_final:
        raise RunClosed
    if run.status != RunStatus.WAITING:
        raise Conflict("The run is not waiting for an answer.", code="RUN_NOT_WAITING")
    asked = await rows.interrupts(run.id, leg=run.leg)
    by_id = {item.id for item in asked} & answers.keys()
    if by_id and len(by_id) < len(asked):
        raise Invalid("Every open question wants an answer.", code="ANSWERS_INCOMPLETE")
    for item in asked:
        _answer(item, answers)
    run.leg, run.status = run.leg + 1, RunStatus.RUNNING


def _answer(item: Interrupt, answers: dict[str, Any]) -> None:
    given = answers.get(item.id) if item.id in answers else answers
    answer: dict[str, Any] = given if isinstance(given, dict) else {}
    check_answer(item, answer)
    item.answer, item.answered_at = {**answer, "decision": answer.get("decision", "approve")}, now()
