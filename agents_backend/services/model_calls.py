"""One model call of a run: its context from PostgreSQL, its tokens to the event log, its answer back to PostgreSQL."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage, trim_messages
from langchain_core.messages.utils import count_tokens_approximately

from agents_backend.agents.plans import Plan, parse_plan
from agents_backend.contracts import events
from agents_backend.contracts.turns import ModelRequest, ModelTurn, ToolCallRef, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Message, Run
from agents_backend.domain.errors import AgentsError, RunClosed, Unavailable
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import ModelChunk, ModelRejected, Models
from agents_backend.services import prompts
from agents_backend.services.step_writer import StepWriter
from agents_backend.settings import ModelConfig

PREVIEW = 160


@dataclass
class Draft:
    """An answer while it comes in."""

    message_id: str
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    model: str = ""

    @property
    def reasoning_id(self) -> str:
        return f"{self.message_id}-reasoning"


class ModelCalls:
    def __init__(self, *, database: Database, log: EventLog, models: Models) -> None:
        self._database, self._log, self._models = database, log, models

    async def call(self, request: ModelRequest, *, attempt: int) -> ModelTurn:
        """Stream one answer. A repeated call finds the stored answer and asks nobody again.

        Raises:
            RunClosed: the run has ended meanwhile.
            Unavailable: the model, PostgreSQL or Redis fails in a way that may heal.
            ModelRejected: the model refuses the request itself.
        """
        run_id = uuid.UUID(request.run.run_id)
        run, stored, context = await self._context(run_id, request)
        if stored is not None:
            return turn_of(stored, request)
        writer = StepWriter(self._log, request.run.run_id, writer=f"model-{request.step}", attempt=attempt)
        await writer.begin()
        draft = Draft(message_id=f"msg_{run_id.hex}_{request.step}_{attempt}")
        try:
            await self._stream(request, run, context, draft, writer)
        except asyncio.CancelledError:
            await self._keep_partial(request, draft, writer)
            raise
        except AgentsError:
            await writer.close()
            raise
        return await self._store(request, draft, writer)

    async def _context(self, run_id: uuid.UUID, request: ModelRequest) -> tuple[Run, Message | None, list[BaseMessage]]:
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run = await rows.run(run_id)
            if run is None or RunStatus(run.status).is_final:
                raise RunClosed
            if run.started_at is None:
                run.status, run.started_at = RunStatus.RUNNING, now()
            stored = await rows.answer_of_step(run_id, request.step)
            messages = await rows.messages(uuid.UUID(request.run.thread_id))
        return run, stored, prompts.assemble(request, run, messages)

    async def _stream(
        self, request: ModelRequest, run: Run, context: list[BaseMessage], draft: Draft, writer: StepWriter
    ) -> None:
        """Ask the chosen model; where it fails before its first token, the fallbacks in their order."""
        offered = prompts.offered_tools(request, run)
        configs = self._models.pick(run.options.get("model"), request.reasoning)
        for config in configs:
            draft.model = config.name
            tools = offered if config.tools else []
            fitted = fit(context, config)
            sink = Sink(draft, writer, silent=request.output == "plan")
            try:
                async for chunk in self._models.stream(
                    config, fitted, tools=tools or None, reasoning=request.reasoning
                ):
                    await sink.take(chunk)
                await sink.finish()
            except (Unavailable, ModelRejected):
                if sink.began or config is configs[-1]:
                    raise
            else:
                return

    async def _store(self, request: ModelRequest, draft: Draft, writer: StepWriter) -> ModelTurn:
        """The log first, then the row: whoever finds the row finds the log whole."""
        plan = parse_plan("".join(draft.text)) if request.output == "plan" else None
        if request.output == "plan":
            plan = plan or Plan.single(await self._question_of(request))
            await writer.emit([events.state({"plan": plan.model_dump()})])
        await writer.close()
        values = row_of(request, draft)
        if plan is not None:
            values |= {"content": plan.model_dump_json(), "scope": "plan"}
        async with self._database.transaction() as session:
            await RunRepository(session).add_message(**values)
        return turn_of(Message(**values), request, model=draft.model)

    async def _question_of(self, request: ModelRequest) -> str:
        async with self._database.transaction() as session:
            messages = await RunRepository(session).messages(uuid.UUID(request.run.thread_id), scope="main")
        return next((m.content for m in reversed(messages) if m.role == "user"), "")

    async def _keep_partial(self, request: ModelRequest, draft: Draft, writer: StepWriter) -> None:
        """A cancelled answer keeps what was written, in the log and in the row alike."""
        sink = Sink(draft, writer, silent=request.output == "plan")
        await sink.finish(partial=True)
        await writer.close()
        if draft.text or draft.reasoning:
            draft.calls.clear()
            async with self._database.transaction() as session:
                await RunRepository(session).add_message(**row_of(request, draft), is_partial=True)


class Sink:
    """Turns chunks into events and the draft."""

    def __init__(self, draft: Draft, writer: StepWriter, *, silent: bool) -> None:
        self._draft, self._writer, self._silent = draft, writer, silent

    @property
    def began(self) -> bool:
        return bool(self._draft.text or self._draft.reasoning or self._draft.calls)

    async def take(self, chunk: ModelChunk) -> None:
        draft = self._draft
        if chunk.reasoning:
            await self._reason(chunk.reasoning)
        if chunk.text:
            await self._say(chunk.text)
        for delta in chunk.tool_calls:
            await self._call(delta.index, delta.name, delta.args)
        if chunk.usage is not None:
            draft.usage += chunk.usage

    async def _reason(self, text: str) -> None:
        draft, writer = self._draft, self._writer
        if not draft.reasoning:
            writer.opened("message", draft.reasoning_id)
            writer.opened("reasoning", draft.reasoning_id)
            await writer.emit(events.reasoning_start(draft.reasoning_id), urgent=True)
        draft.reasoning.append(text)
        await writer.fragment("reasoning", draft.reasoning_id, text)

    async def _end_reasoning(self) -> None:
        item = self._draft.reasoning_id
        if self._draft.reasoning and self._writer.is_open("reasoning", item):
            self._writer.closed("reasoning", item)
            await self._writer.emit(events.reasoning_end(item))

    async def _say(self, text: str) -> None:
        draft, writer = self._draft, self._writer
        await self._end_reasoning()
        first = not draft.text
        draft.text.append(text)
        if self._silent:
            return
        if first:
            writer.opened("message", draft.message_id)
            writer.opened("text", draft.message_id)
            await writer.emit(
                [events.text_start(draft.message_id), events.text_content(draft.message_id, text)], urgent=True
            )
        else:
            await writer.fragment("text", draft.message_id, text)

    async def _end_text(self) -> None:
        item = self._draft.message_id
        if self._writer.is_open("text", item):
            self._writer.closed("text", item)
            await self._writer.emit([events.text_end(item)])

    async def _call(self, index: int, name: str, args: str) -> None:
        await self._end_reasoning()
        await self._end_text()
        draft, writer = self._draft, self._writer
        call = draft.calls.get(index)
        if call is None:
            call = draft.calls[index] = {"id": f"call_{draft.message_id[4:]}_{index}", "name": name, "args": ""}
            if not writer.is_open("message", draft.message_id):
                writer.opened("message", draft.message_id)
            writer.opened("tool", call["id"])
            await writer.emit([events.tool_start(call["id"], name, draft.message_id)], urgent=True)
        if args:
            call["args"] += args
            await writer.fragment("tool", call["id"], args)

    async def finish(self, *, partial: bool = False) -> None:
        """Close what is open, each exactly once."""
        await self._end_reasoning()
        await self._end_text()
        for call in self._draft.calls.values():
            if self._writer.is_open("tool", call["id"]):
                self._writer.closed("tool", call["id"])
                await self._writer.emit([events.tool_end(call["id"])])
        if not partial:
            await self._writer.flush()


def row_of(request: ModelRequest, draft: Draft) -> dict[str, Any]:
    calls = [draft.calls[index] for index in sorted(draft.calls)]
    return {
        "thread_id": uuid.UUID(request.run.thread_id),
        "run_id": uuid.UUID(request.run.run_id),
        "message_id": draft.message_id,
        "role": "assistant",
        "scope": request.scope,
        "step": request.step,
        "content": "".join(draft.text),
        "reasoning": "".join(draft.reasoning),
        "tool_calls": calls or None,
        "usage": {**draft.usage.model_dump(), "model": draft.model},
    }


def turn_of(message: Message, request: ModelRequest, *, model: str = "") -> ModelTurn:
    usage = dict(message.usage or {})
    name = usage.pop("model", "") or model
    calls = tuple(
        ToolCallRef(id=call["id"], name=call["name"], preview=shorten(call["args"]))
        for call in message.tool_calls or ()
    )
    plan = Plan.model_validate_json(message.content) if request.output == "plan" else None
    return ModelTurn(
        message_id=message.message_id,
        tool_calls=calls,
        usage=Usage(**usage),
        model=name,
        steps=tuple(step.title for step in plan.steps) if plan else (),
        summary=f"{name}: {usage.get('input_tokens', 0)}+{usage.get('output_tokens', 0)} tokens",
    )


def shorten(text: str) -> str:
    return text if len(text) <= PREVIEW else f"{text[:PREVIEW]}…"


def fit(messages: list[BaseMessage], config: ModelConfig) -> list[BaseMessage]:
    """The newest messages that the model's window holds beside its answer; the instructions always stay."""
    room = max(config.context_window - config.max_output_tokens, config.context_window // 2)
    size = sum(len(str(m.content)) for m in messages) // 3
    if size <= room:
        return messages
    return trim_messages(
        messages,
        max_tokens=room,
        token_counter=count_tokens_approximately,
        strategy="last",
        include_system=True,
        start_on="human",
    )
