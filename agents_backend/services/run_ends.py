"""Where a run stops: it waits for a human, or it ends. PostgreSQL first, then the event that says so."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ag_ui.core import Interrupt as ProtocolInterrupt

from agents_backend.contracts import events
from agents_backend.contracts.turns import Pause, Question, RunEnd, RunProgress, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Interrupt, Run, Thread
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.services.launches import Launches
from agents_backend.services.spending import Spending
from agents_backend.services.step_writer import StepWriter

APPROVAL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "decision": {"enum": ["approve", "edit", "reject"]},
        "feedback": {"type": "string"},
        "answers": {"description": "with edit: the new arguments or plan; with a question: the answer"},
    },
    "required": ["decision"],
}


class RunEnds:
    def __init__(
        self, *, database: Database, log: EventLog, launches: Launches, spending: Spending, interrupt_days: int
    ) -> None:
        self._database, self._log, self._launches, self._days = database, log, launches, interrupt_days
        self._spending = spending

    async def mark(self, progress: RunProgress) -> None:
        event = events.step_started if progress.phase == "started" else events.step_finished
        await self._write(progress.run.run_id, f"mark-{progress.order}", [event(progress.step_name)])

    async def pause(self, pause: Pause) -> None:
        """Store the questions, then end the leg with AG-UI's interrupt outcome."""
        run_id = uuid.UUID(pause.run.run_id)
        expires = now() + timedelta(days=self._days)
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            found = await rows.run_and_thread(run_id, lock=True)
            if found is None or RunStatus(found[0].status).is_final:
                return
            run, thread_id = found
            for question in pause.questions:
                await rows.add_interrupt(**row_of(question, run_id, pause.leg, expires))
            if run.leg == pause.leg:
                run.status = RunStatus.WAITING
            stored = await rows.interrupts(run_id, leg=pause.leg)
            end = await _interrupted(rows, run, thread_id, stored, leg=pause.leg)
        await self._write(pause.run.run_id, f"leg-{pause.leg}-end", [end])

    async def finish(self, end: RunEnd) -> None:
        """End the run, tell the client, let the thread's next run begin. Calling it again changes nothing."""
        run_id = uuid.UUID(end.run.run_id)
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            found = await rows.run_and_thread(run_id, lock=True)
            if found is None:
                return
            run, thread_id = found
            bill = None
            if not RunStatus(run.status).is_final:
                usages = await rows.usages(run.id)
                bill, (usage, model) = self._spending.bill(run, usages), total(usages)
                run.status, run.finished_at = end.status, now()
                run.usage, run.model, run.cost_usd = usage.model_dump(), model, usage.cost_usd
                if end.error_code:
                    run.error = {"code": end.error_code, "detail": end.error_detail}
                if run.rollback:
                    await rows.delete_messages_of(run_id)
            last = _ended(run, thread_id, end.pending_tool_call_ids)
            # The lock on this run's row has kept others from queueing behind it since.
            waiting = run.thread_id if run.thread_id and await rows.next_queued(run.thread_id) else None
            if bill is not None:
                await self._spending.settle(session, bill)
        await self._write(end.run.run_id, "end", [last], ended=True)
        if waiting is not None:
            await self.promote(waiting)

    async def promote(self, thread_id: uuid.UUID) -> None:
        """Start the run that waits next for the thread, if the thread is free."""
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            await session.get(Thread, thread_id, with_for_update=True)
            if await rows.holder(thread_id) is not None:
                return
            run = await rows.next_queued(thread_id)
            if run is not None:
                run.status = RunStatus.PENDING
        if run is not None:
            await self._launches.launch(run)

    async def _write(self, run_id: str, writer: str, items: list[str], *, ended: bool = False) -> None:
        if ended:
            await self._log.append(run_id, items, writer=writer, ended=True)
            return
        await StepWriter(self._log, run_id, writer=writer, attempt=1).emit(items, urgent=True)


async def ending_of(rows: RunRepository, run_id: uuid.UUID) -> str | None:
    """The event that ends the run, or its present leg, as PostgreSQL has it; None while it goes on."""
    found = await rows.run_and_thread(run_id)
    if found is None or not (RunStatus(found[0].status).is_final or found[0].status == RunStatus.WAITING):
        return None
    run, thread_id = found
    if run.status == RunStatus.WAITING:
        return await _interrupted(rows, run, thread_id, await rows.interrupts(run_id, leg=run.leg), leg=run.leg)
    return _ended(run, thread_id)


async def _interrupted(rows: RunRepository, run: Run, thread_id: str, asked: Sequence[Interrupt], *, leg: int) -> str:
    usage, model = total(await rows.usages(run.id))
    interrupts = [
        ProtocolInterrupt(
            id=i.id,
            reason=i.reason,
            message=i.message,
            tool_call_id=i.tool_call_id,
            response_schema=i.response_schema,
            expires_at=i.expires_at.isoformat() if i.expires_at else None,
        )
        for i in asked
    ]
    return events.run_finished(thread_id, run.protocol_run_id, usage=usage, model=model, interrupts=interrupts, leg=leg)


def _ended(run: Run, thread_id: str, pending_tool_call_ids: Sequence[str] = ()) -> str:
    usage = Usage(**run.usage)
    if run.status == RunStatus.FAILED:
        error = run.error or {}
        detail, code = error.get("detail") or "The run failed.", error.get("code") or "INTERNAL_ERROR"
        return events.run_error(detail, code, usage, run.model)
    return events.run_finished(
        thread_id,
        run.protocol_run_id,
        usage=usage,
        model=run.model,
        cancelled=run.status == RunStatus.CANCELLED,
        leg=run.leg,
        pending_tool_call_ids=pending_tool_call_ids,
    )


def row_of(question: Question, run_id: uuid.UUID, leg: int, expires: datetime) -> dict[str, Any]:
    return {
        "id": question.id,
        "run_id": run_id,
        "leg": leg,
        "reason": question.reason,
        "message": question_text(question),
        "tool_call_id": question.tool_call_id,
        "response_schema": APPROVAL_SCHEMA,
        "expires_at": expires,
    }


def question_text(question: Question) -> str:
    """What ask_human was called with is JSON; people are shown its question."""
    if question.reason != "question":
        return question.message
    try:
        return str(json.loads(question.message)["question"])
    except (ValueError, KeyError, TypeError):
        return question.message


def total(usages: Sequence[dict[str, Any] | None]) -> tuple[Usage, str]:
    """What a run used, by its own messages: a retried activity has stored its answer once, and is counted once."""
    usage, model = Usage(), ""
    for values in filter(None, usages):
        model = values.get("model") or model
        usage += Usage(**{name: value for name, value in values.items() if name != "model"})
    return usage, model
