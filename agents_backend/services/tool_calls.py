"""One tool call of a run: decided by a human where one was asked, run once, its result told and stored."""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import structlog

from agents_backend.contracts import events
from agents_backend.contracts.turns import ToolOutcome, ToolRequest
from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Interrupt, Message, Run
from agents_backend.db.tool_calls import ToolCallRepository
from agents_backend.domain.errors import (
    AgentsError,
    Invalid,
    NotFound,
    RunClosed,
    Unavailable,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamTimeout,
)
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.services.spending import TOOL, Spending
from agents_backend.services.step_writer import StepWriter
from agents_backend.services.toolboxes import Toolboxes, ToolContext, ToolResult
from agents_backend.settings import AgentSettings

UNCERTAIN = (
    "The call was interrupted by a crash after it had begun. It may or may not have happened, in whole or in part. "
    "Find out before you call it again."
)
_UPSTREAM = (UpstreamFailed, UpstreamOverloaded, UpstreamTimeout)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Found:
    """What PostgreSQL knows of a call."""

    run: Run
    message: Message
    arguments: str
    interrupt: Interrupt | None
    result: Message | None


class ToolCalls:
    def __init__(
        self, *, database: Database, log: EventLog, toolboxes: Toolboxes, spending: Spending, settings: AgentSettings
    ) -> None:
        self._database, self._log, self._toolboxes, self._settings = database, log, toolboxes, settings
        self._spending = spending

    async def call(self, request: ToolRequest, *, is_wanted: Callable[[], bool] = lambda: False) -> ToolOutcome:
        """Run the tool, unless its result is stored already. What the tool itself cannot do is told to the model as the result, and is no error of the run.

        `is_wanted` tells a tool that is cancelled whether the run asked for it.

        Raises:
            RunClosed: the run has ended meanwhile.
            Unavailable: PostgreSQL or Redis is away.
        """
        found = await self._find(request)
        kept = found.result or await self._store(request, await self._decide(request, found, is_wanted))
        await self._tell(request, kept.content)
        return ToolOutcome(call_id=request.call.id, failed=kept.error is not None, size=len(kept.content))

    async def _find(self, request: ToolRequest) -> _Found:
        thread_id = uuid.UUID(request.run.thread_id)
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run = await rows.run(uuid.UUID(request.run.run_id))
            if run is None or RunStatus(run.status).is_final:
                raise RunClosed
            message = await rows.message(thread_id, request.message_id)
            if message is None:
                raise NotFound("The message of the tool call is gone.")
            call = next(c for c in message.tool_calls or () if c["id"] == request.call.id)
            interrupt = await rows.interrupt(request.interrupt_id) if request.interrupt_id else None
            result = await rows.message(thread_id, result_id(request))
        return _Found(run, message, call["args"], interrupt, result)

    async def _decide(self, request: ToolRequest, found: _Found, is_wanted: Callable[[], bool]) -> ToolResult:
        """Let the human's answer decide, where one was asked."""
        if found.interrupt is None:
            return await self._run(request, found, found.arguments, is_wanted)
        answer = found.interrupt.answer or {}
        if found.interrupt.reason == "question":
            return ToolResult(_said(answer))
        if answer.get("decision") == "edit" and answer.get("answers") is not None:
            edited = json.dumps(answer["answers"], ensure_ascii=False)
            async with self._database.transaction() as session:
                await ToolCallRepository(session).keep_edit(found.message, request.call.id, edited)
            return await self._run(request, found, edited, is_wanted)
        if answer.get("decision") in {"approve", "edit"}:
            return await self._run(request, found, found.arguments, is_wanted)
        return ToolResult(f"The user refused this call. {answer.get('feedback') or ''}".strip())

    async def _run(
        self, request: ToolRequest, found: _Found, arguments: str, is_wanted: Callable[[], bool]
    ) -> ToolResult:
        tools = await self._toolboxes.tools(found.run)
        name = request.call.name
        if name not in tools:
            return ToolResult(f"There is no tool named {name}. The tools are: {', '.join(tools)}.", error=True)
        tool, box = tools[name]
        try:
            await self._spending.cover(request.run, self._spending.tool_price(name))
            if not tool.repeatable and not await self._begin(request):
                return ToolResult(UNCERTAIN, error=True)
            context = ToolContext(request.run, request.call.id, found.run.options, is_wanted)
            result = await box.call(name, parsed(arguments), context)
            return result if result.error else replace(result, used=name)
        except AgentsError as failure:
            if isinstance(failure, Unavailable) and not isinstance(failure, _UPSTREAM):
                raise  # our own servers are away: the activity is tried again
            _log.info("tool_failed", tool=name, run_id=request.run.run_id, code=failure.code)
            return ToolResult(failure.detail, error=True)

    async def _begin(self, request: ToolRequest) -> bool:
        async with self._database.transaction() as session:
            rows = ToolCallRepository(session)
            return await rows.begin(uuid.UUID(request.run.run_id), request.call.id, request.call.name)

    async def _store(self, request: ToolRequest, result: ToolResult) -> Message:
        """The first result is the call's result, whoever else still works on it."""
        text = cut(result.text, self._settings.max_tool_result_bytes)
        run_id = uuid.UUID(request.run.run_id)
        async with self._database.transaction() as session:
            rows = ToolCallRepository(session)
            kept = await rows.keep_result(
                thread_id=uuid.UUID(request.run.thread_id),
                run_id=run_id,
                message_id=result_id(request),
                scope=request.scope,
                step=request.step,
                content=text,
                tool_call_id=request.call.id,
                error=text if result.error else None,
                usage=self._usage(result),
                sources=[{"title": source.title, "url": source.url} for source in result.sources] or None,
            )
            for made in result.artifacts:
                await rows.add_artifact(run_id, **asdict(made))
        return kept

    def _usage(self, result: ToolResult) -> dict[str, Any] | None:
        if not result.used:
            return None
        return {TOOL: result.used, "cost_usd": self._spending.tool_price(result.used) + result.cost_usd}

    async def _tell(self, request: ToolRequest, result: str) -> None:
        """Every attempt writes the same one event at the same place, so the log keeps it once."""
        writer = StepWriter(self._log, request.run.run_id, writer=f"tool-{request.call.id}", attempt=1)
        await writer.emit([events.tool_result(result_id(request), request.call.id, result)], urgent=True)


def result_id(request: ToolRequest) -> str:
    return f"{request.call.id}-result"


def parsed(arguments: str) -> dict[str, Any]:
    """A call's arguments.

    Raises:
        Invalid: they are no JSON object.
    """
    try:
        given = json.loads(arguments or "{}")
    except ValueError:
        raise Invalid("The arguments are not JSON.") from None
    if not isinstance(given, dict):
        raise Invalid("The arguments must be a JSON object.")
    return given


def cut(text: str, max_bytes: int) -> str:
    """The beginning of a text that is too long; PostgreSQL keeps no NUL."""
    whole = text.replace("\x00", "").encode(errors="replace")
    return whole.decode() if len(whole) <= max_bytes else whole[:max_bytes].decode(errors="ignore")


def _said(answer: dict[str, Any]) -> str:
    if answer.get("answers") is not None:
        return json.dumps(answer["answers"], ensure_ascii=False)
    return cast("str", answer.get("feedback") or answer.get("decision") or "")
