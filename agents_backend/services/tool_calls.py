"""One tool call of a run: decided by a human where one was asked, run once, its result told and stored."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents_backend.agents import tools
from agents_backend.contracts import events
from agents_backend.contracts.turns import ToolOutcome, ToolRequest
from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Interrupt
from agents_backend.domain.errors import AgentsError, Invalid, NotFound, RunClosed
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.services.step_writer import StepWriter
from agents_backend.settings import AgentSettings


class ToolCalls:
    def __init__(self, *, database: Database, log: EventLog, settings: AgentSettings) -> None:
        self._database, self._log, self._settings = database, log, settings

    async def call(self, request: ToolRequest) -> ToolOutcome:
        """Run the tool, unless its result is stored already. What the tool itself cannot do is told to the model as the result, and is no error of the run.

        Raises:
            RunClosed: the run has ended meanwhile.
            Unavailable: PostgreSQL or Redis is away.
        """
        arguments, interrupt, done = await self._arguments(request)
        if done is not None:
            await self._tell(request, done)
            return ToolOutcome(call_id=request.call.id, size=len(done))
        error: str | None = None
        try:
            result = self._decide(request, arguments, interrupt)
        except AgentsError as failure:
            result = error = failure.detail
        result = result[: self._settings.max_tool_result_bytes]
        await self._store(request, result, error)
        await self._tell(request, result)
        return ToolOutcome(call_id=request.call.id, failed=error is not None, size=len(result))

    async def _arguments(self, request: ToolRequest) -> tuple[str, Interrupt | None, str | None]:
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run = await rows.run(uuid.UUID(request.run.run_id))
            if run is None or RunStatus(run.status).is_final:
                raise RunClosed
            message = await rows.message(uuid.UUID(request.run.thread_id), request.message_id)
            if message is None:
                raise NotFound("The message of the tool call is gone.")
            call = next(c for c in message.tool_calls or () if c["id"] == request.call.id)
            interrupt = await rows.interrupt(request.interrupt_id) if request.interrupt_id else None
            stored = await rows.message(uuid.UUID(request.run.thread_id), result_id(request))
        return call["args"], interrupt, stored.content if stored else None

    def _decide(self, request: ToolRequest, arguments: str, interrupt: Interrupt | None) -> str:
        if interrupt is None:
            return run_tool(request.call.name, arguments)
        answer = interrupt.answer or {}
        if interrupt.reason == "question":
            return _said(answer)
        match answer.get("decision"):
            case "approve":
                return run_tool(request.call.name, arguments)
            case "edit":
                edited = answer.get("answers")
                return run_tool(request.call.name, json.dumps(edited) if edited is not None else arguments)
            case _:
                return f"The user refused this call. {answer.get('feedback') or ''}".strip()

    async def _store(self, request: ToolRequest, result: str, error: str | None) -> None:
        async with self._database.transaction() as session:
            await RunRepository(session).add_message(
                thread_id=uuid.UUID(request.run.thread_id),
                run_id=uuid.UUID(request.run.run_id),
                message_id=result_id(request),
                role="tool",
                scope=request.scope,
                step=request.step,
                content=result,
                tool_call_id=request.call.id,
                error=error,
            )

    async def _tell(self, request: ToolRequest, result: str) -> None:
        """Every attempt writes the same one event at the same place, so the log keeps it once."""
        writer = StepWriter(self._log, request.run.run_id, writer=f"tool-{request.call.id}", attempt=1)
        await writer.emit([events.tool_result(result_id(request), request.call.id, result)], urgent=True)


def result_id(request: ToolRequest) -> str:
    return f"{request.call.id}-result"


def run_tool(name: str, arguments: str) -> str:
    try:
        given = json.loads(arguments or "{}")
    except ValueError:
        raise Invalid("The arguments are not JSON.") from None
    checked: Any = tools.validate(name, given)
    match name:
        case "current_time":
            return _time(checked.timezone)
        case other:
            raise Invalid(f"There is no tool named {other}.")


def _said(answer: dict[str, Any]) -> str:
    if answer.get("answers") is not None:
        return json.dumps(answer["answers"], ensure_ascii=False)
    return cast("str", answer.get("feedback") or answer.get("decision") or "")


def _time(timezone: str | None) -> str:
    try:
        zone = ZoneInfo(timezone) if timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid(f"There is no time zone named {timezone}.") from None
    return datetime.now(zone).isoformat(timespec="seconds")
