"""One model call of a run: its context from PostgreSQL, its tokens to the event log, its answer back to PostgreSQL."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from agents_backend.agents.plans import Plan, parse_plan
from agents_backend.contracts import events
from agents_backend.contracts.turns import ModelRequest, ModelTurn, ToolCallRef, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Message, Run
from agents_backend.domain.errors import AgentsError, ModelRejected, RunClosed, Unavailable
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import Models
from agents_backend.services import prompts
from agents_backend.services.answers import Draft, Sink
from agents_backend.services.attachments import Attachments
from agents_backend.services.citations import Citations, sources_of
from agents_backend.services.plan_reviews import given_plan
from agents_backend.services.spending import Spending
from agents_backend.services.step_writer import StepWriter
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import EMBEDDED, EMBEDDED_NOTICE

PREVIEW = 160
REPORT = "researcher_report"


@dataclass(frozen=True)
class _Material:
    """What PostgreSQL gives a model call.

    Attributes:
        stored: the answer, if an earlier attempt finished.
        plan: the plan that a human wrote in place of the model's.
        citations: what the answer may cite; None where it is not checked.
        used: what the run's own messages cost.
    """

    run: Run
    stored: Message | None
    context: list[BaseMessage]
    question: str
    plan: Plan | None
    citations: Citations | None
    used: list[dict[str, Any] | None]


class ModelCalls:
    def __init__(
        self,
        *,
        database: Database,
        log: EventLog,
        models: Models,
        toolboxes: Toolboxes,
        spending: Spending,
        attachments: Attachments,
    ) -> None:
        self._database, self._log, self._models, self._toolboxes = database, log, models, toolboxes
        self._spending, self._attachments = spending, attachments

    async def call(
        self, request: ModelRequest, *, attempt: int, is_wanted: Callable[[], bool] = lambda: True
    ) -> ModelTurn:
        """Stream one answer. A repeated call finds the stored answer and asks nobody again.

        A call that is cancelled keeps what was written if `is_wanted` then says so: where its worker stops or it was taken
        for dead, another attempt follows, and what this one wrote is withdrawn.

        Raises:
            RunClosed: the run has ended meanwhile.
            Unavailable: the model, PostgreSQL or Redis fails in a way that may heal.
            ModelRejected: the model refuses the request itself. InsufficientCredits: the run has no more for it.
        """
        run_id = uuid.UUID(request.run.run_id)
        material = await self._material(run_id, request)
        if material.stored is not None:
            return turn_of(material.stored, request)
        writer = StepWriter(self._log, request.run.run_id, writer=f"model-{request.step}", attempt=attempt)
        await writer.begin()
        draft = Draft(message_id=f"msg_{run_id.hex}_{request.step}_{attempt}", attempt=attempt)
        sink = Sink(
            draft,
            writer,
            silent=request.output == "plan",
            reasoning=request.reasoning,
            citations=material.citations,
        )
        try:
            if material.plan is None:
                await self._stream(request, material, draft, sink, writer)
        except asyncio.CancelledError:
            if is_wanted():
                await self._keep_partial(request, draft, sink, writer)
            raise
        except AgentsError:
            await writer.close()
            raise
        return await self._store(request, material, draft, writer)

    async def _material(self, run_id: uuid.UUID, request: ModelRequest) -> _Material:
        async with self._database.autocommit() as session:
            rows = RunRepository(session)
            run = await rows.run(run_id)
            if run is None or RunStatus(run.status).is_final:
                raise RunClosed
            if run.started_at is None and not await rows.set_status(run_id, RunStatus.RUNNING, started_at=now()):
                raise RunClosed
            messages = await rows.messages(uuid.UUID(request.run.thread_id))
            reviews = await rows.interrupts(run_id) if request.output == "plan" else ()
        mine = [m for m in messages if m.run_id == run_id]
        return _Material(
            run=run,
            stored=next((m for m in mine if m.step == request.step and m.role == "assistant"), None),
            context=prompts.assemble(request, run, messages, reviews),
            question=next((m.content for m in reversed(messages) if m.role == "user" and m.scope == "main"), ""),
            plan=given_plan(reviews),
            citations=Citations(sources_of(mine)) if request.prompt == REPORT else None,
            used=[m.usage for m in mine],
        )

    async def _stream(
        self, request: ModelRequest, material: _Material, draft: Draft, sink: Sink, writer: StepWriter
    ) -> None:
        """Ask the chosen model; where it fails before its first token, the fallbacks in their order."""
        offered = await self._offered(request, material.run)
        failures: list[Unavailable] = []
        for config in self._models.pick(material.run.options.get("model"), request.reasoning):
            draft.model = config.name
            messages = await self._attachments.shape(
                material.context, config, reasoning=request.reasoning, in_sandbox=material.run.kind == "agent"
            )
            await self._spending.before_model(material.run, material.used, config, messages)
            tools = offered if config.tools else None
            if config.name == EMBEDDED:
                await writer.emit([events.custom("model.notice", notice_of(config.name))])
            try:
                stream = self._models.stream(config, messages, tools=tools, reasoning=request.reasoning)
                async with aclosing(stream) as chunks:
                    async for chunk in chunks:
                        await sink.take(chunk)
                await sink.finish()
            except Unavailable as failure:
                if draft.began:
                    raise
                failures.append(failure)
            else:
                return
        # One that may heal says when to try again; only when all of them refuse is the run at its end.
        raise next((f for f in failures if not isinstance(f, ModelRejected)), failures[0])

    async def _offered(self, request: ModelRequest, run: Run) -> list[dict[str, Any]]:
        """The server's tools for the run and, where the request allows them, the client's own, which go before ours."""
        theirs = run.options.get("client_tools") or () if request.client_tools else ()
        taken = {tool["name"] for tool in theirs}
        mine = await self._toolboxes.declarations(run) if request.tools else []
        offered = [tool for tool in mine if tool["function"]["name"] not in taken]
        return offered + [{"type": "function", "function": tool} for tool in theirs]

    async def _store(self, request: ModelRequest, material: _Material, draft: Draft, writer: StepWriter) -> ModelTurn:
        """The log first, then the row: whoever finds the row finds the log whole."""
        values = row_of(request, draft)
        if request.output == "plan":
            plan = material.plan or parse_plan("".join(draft.text)) or Plan.single(material.question)
            await writer.emit([events.state({"plan": plan.model_dump()})])
            values |= {"content": plan.model_dump_json(), "scope": "plan", "tool_calls": None}
        await writer.close()
        async with self._database.autocommit() as session:
            await RunRepository(session).keep_answer(**values)
        return turn_of(Message(**values), request)

    async def _keep_partial(self, request: ModelRequest, draft: Draft, sink: Sink, writer: StepWriter) -> None:
        """A cancelled answer keeps what was written, in the log and in the row alike."""
        await sink.finish(partial=True)
        await writer.close()
        if draft.text or draft.reasoning:
            draft.calls.clear()
            async with self._database.autocommit() as session:
                await RunRepository(session).keep_answer(**row_of(request, draft), is_partial=True)


def notice_of(model: str) -> dict[str, str]:
    return {"model": model, "notice": EMBEDDED_NOTICE}


def row_of(request: ModelRequest, draft: Draft) -> dict[str, Any]:
    calls = [draft.calls[index] for index in sorted(draft.calls)]
    thoughts = [draft.thoughts[index] for index in sorted(draft.thoughts)]
    return {
        "thread_id": uuid.UUID(request.run.thread_id),
        "run_id": uuid.UUID(request.run.run_id),
        "message_id": draft.message_id,
        "role": "assistant",
        "scope": request.scope,
        "step": request.step,
        "attempt": draft.attempt,
        "content": "".join(draft.text),
        "parts": thoughts or None,
        "reasoning": "".join(draft.reasoning),
        "tool_calls": calls or None,
        "usage": {**draft.usage.model_dump(), "model": draft.model},
    }


def turn_of(message: Message, request: ModelRequest) -> ModelTurn:
    usage = dict(message.usage or {})
    name = usage.pop("model", "")
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
