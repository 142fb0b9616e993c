"""Where a run stops: it waits for a human, or it ends. PostgreSQL first, then the event that says so."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from ag_ui.core import Interrupt as ProtocolInterrupt

from agents_backend.contracts import events
from agents_backend.contracts.turns import Pause, Question, RunEnd, RunProgress, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Message, Run, Thread
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.services.launches import Launches
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
    def __init__(self, *, database: Database, log: EventLog, launches: Launches, interrupt_days: int) -> None:
        self._database, self._log, self._launches, self._days = database, log, launches, interrupt_days

    async def mark(self, progress: RunProgress) -> None:
        event = events.step_started if progress.phase == "started" else events.step_finished
        await self._write(progress.run.run_id, f"mark-{progress.order}", [event(progress.step_name)])

    async def pause(self, pause: Pause) -> None:
        """Store the questions, then end the leg with AG-UI's interrupt outcome."""
        run_id = uuid.UUID(pause.run.run_id)
        expires = now() + timedelta(days=self._days)
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run = await rows.run(run_id, lock=True)
            if run is None or RunStatus(run.status).is_final:
                return
            for question in pause.questions:
                await rows.add_interrupt(**row_of(question, run_id, pause.leg, expires))
            if run.leg == pause.leg:
                run.status = RunStatus.WAITING
            stored = await rows.interrupts(run_id, leg=pause.leg)
            usage, model = total(await self._messages(rows, run))
            thread = await session.get(Thread, run.thread_id) if run.thread_id else None
        public = thread.public_id if thread else ""
        asked = [
            ProtocolInterrupt(
                id=i.id,
                reason=i.reason,
                message=i.message,
                tool_call_id=i.tool_call_id,
                response_schema=i.response_schema,
                expires_at=i.expires_at.isoformat() if i.expires_at else None,
            )
            for i in stored
        ]
        end = events.run_finished(public, run.protocol_run_id, usage=usage, model=model, interrupts=asked)
        await self._write(pause.run.run_id, f"leg-{pause.leg}-end", [end])

    async def finish(self, end: RunEnd) -> None:
        """End the run, tell the client, let the thread's next run begin. Calling it again changes nothing."""
        run_id = uuid.UUID(end.run.run_id)
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run = await rows.run(run_id, lock=True)
            if run is None:
                return
            thread = await session.get(Thread, run.thread_id) if run.thread_id else None
            if not RunStatus(run.status).is_final:
                usage, model = total(await self._messages(rows, run))
                run.status, run.finished_at = end.status, now()
                run.usage, run.model, run.cost_usd = usage.model_dump(), model, usage.cost_usd
                if end.error_code:
                    run.error = {"code": end.error_code, "detail": end.error_detail}
                if run.rollback:
                    await rows.delete_messages_of(run_id)
        await self._close_log(run, thread.public_id if thread else "", end)
        if run.thread_id is not None:
            await self.promote(run.thread_id)

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

    @staticmethod
    async def _messages(rows: RunRepository, run: Run) -> list[Message]:
        if run.thread_id is None:
            return []
        return [m for m in await rows.messages(run.thread_id) if m.run_id == run.id]

    async def _close_log(self, run: Run, thread_id: str, end: RunEnd) -> None:
        usage = Usage(**run.usage)
        if run.status == RunStatus.FAILED:
            error = run.error or {}
            last = events.run_error(
                error.get("detail") or "The run failed.", error.get("code") or "INTERNAL_ERROR", usage, run.model
            )
        else:
            last = events.run_finished(
                thread_id,
                run.protocol_run_id,
                usage=usage,
                model=run.model,
                cancelled=run.status == RunStatus.CANCELLED,
                pending_tool_call_ids=end.pending_tool_call_ids,
            )
        await self._write(str(run.id), "end", [last], ended=True)

    async def _write(self, run_id: str, writer: str, items: list[str], *, ended: bool = False) -> None:
        if ended:
            await self._log.append(run_id, items, writer=writer, ended=True)
            return
        await StepWriter(self._log, run_id, writer=writer, attempt=1).emit(items, urgent=True)


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


def total(messages: list[Message]) -> tuple[Usage, str]:
    """What a run used, from its own messages: a retried activity has stored its answer once, and is counted once."""
    usage, model = Usage(), ""
    for message in messages:
        if message.usage:
            values = dict(message.usage)
            model = values.pop("model", "") or model
            usage += Usage(**values)
    return usage, model
