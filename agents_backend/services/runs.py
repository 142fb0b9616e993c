"""Runs, as their users know them: start, look, cancel, answer. Rows first and committed, then the workflow under a derived id."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.agents.registry import AGENTS, DEFAULT_AGENT
from agents_backend.agents.tools import TOOLS
from agents_backend.contracts import activities as names
from agents_backend.contracts import events
from agents_backend.contracts.turns import Answers, ChatInput, RunRef, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Interrupt, Message, Run, Thread
from agents_backend.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    RunClosed,
    ThreadBusy,
    TooMany,
    Unavailable,
)
from agents_backend.domain.runs import Decision, MultitaskStrategy, RunStatus, workflow_id
from agents_backend.integrations.events import EventLog
from agents_backend.settings import Settings

CHAT_QUEUE = "chat"
RPC = timedelta(seconds=5)
_USER, _THREAD, _KIND = (SearchAttributeKey.for_keyword(name) for name in ("UserId", "ThreadId", "Kind"))


@dataclass(frozen=True)
class NewMessage:
    role: str
    content: str
    id: str | None = None
    parts: list[Any] | None = None
    tool_call_id: str | None = None


@dataclass(frozen=True)
class ChatRequest:
    """What a client asks for, however it asked (chat/stream or AG-UI)."""

    user_id: int
    messages: Sequence[NewMessage]
    thread_id: str | None = None
    agent_name: str = DEFAULT_AGENT
    options: dict[str, Any] = field(default_factory=dict)
    multitask_strategy: MultitaskStrategy = "reject"
    protocol_run_id: str | None = None
    idempotency_key: str | None = None
    request_id: str = ""
    create_thread: bool = False


@dataclass(frozen=True)
class StartedRun:
    """The run, the thread's public id, and where its stream begins for this caller."""

    run: Run
    thread_id: str


class RunsService:
    def __init__(self, *, database: Database, log: EventLog, temporal: Client, settings: Settings) -> None:
        self._database, self._log, self._temporal, self._settings = database, log, temporal, settings

    async def start(self, request: ChatRequest) -> StartedRun:
        """Accept a run: rows, commit, workflow.

        Raises:
            Invalid: an unknown agent. NotFound: no such thread. ThreadBusy: with `reject`. TooMany: too many active runs.
            IdempotencyMismatch: the key was used for another body. Unavailable: Temporal, PostgreSQL or Redis is away.
        """
        if request.agent_name not in AGENTS:
            raise Invalid.field("agent_name", f"there is no such agent; choose one of {', '.join(AGENTS)}")
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run_id, made = await self._claim(rows, request)
            if made:
                return await self.get(run_id, request.user_id, rows=rows)
            thread = await self._thread(rows, request)
            holder = await rows.holder(thread.id)
            run = await self._add_run(
                rows=rows, session=session, request=request, thread=thread, holder=holder, run_id=run_id
            )
        started = StartedRun(run, thread.public_id)
        await self._log.append(
            str(run.id), [events.run_started(thread.public_id, run.protocol_run_id)], writer="leg-1-begin"
        )
        if holder is not None and request.multitask_strategy in {"interrupt", "rollback"}:
            await self._cancel_workflow(holder)
        if run.status == RunStatus.PENDING:
            await self._launch_or_fail(run)
        return started

    @staticmethod
    async def _claim(rows: RunRepository, request: ChatRequest) -> tuple[uuid.UUID, bool]:
        """The id of the run to make, and whether an earlier request with the same key and body has made it."""
        wanted = uuid.uuid4()
        if request.idempotency_key is None:
            return wanted, False
        messages = [[m.role, m.content] for m in request.messages]
        body = json.dumps([request.thread_id, request.agent_name, request.options, messages], sort_keys=True)
        digest = hashlib.sha256(body.encode()).hexdigest()
        key = await rows.claim_key(request.user_id, request.idempotency_key, "chat", digest, str(wanted))
        if key.body_hash != digest:
            raise IdempotencyMismatch
        return uuid.UUID(key.result_id), key.result_id != str(wanted)

    async def _thread(self, rows: RunRepository, request: ChatRequest) -> Thread:
        title = next((m.content for m in request.messages if m.role == "user"), "")[:120]
        if request.thread_id is None:
            return await rows.add_thread(request.user_id, None, title)
        thread = await rows.thread(request.user_id, request.thread_id, lock=True)
        if thread is None and (request.create_thread or not _is_uuid(request.thread_id)):
            return await rows.add_thread(request.user_id, request.thread_id, title)
        if thread is None:
            raise NotFound("There is no such thread.", code="THREAD_NOT_FOUND")
        thread.updated_at = now()
        return thread

    async def _add_run(
        self,
        *,
        rows: RunRepository,
        session: AsyncSession,
        request: ChatRequest,
        thread: Thread,
        holder: Run | None,
        run_id: uuid.UUID,
    ) -> Run:
        if holder is not None and request.multitask_strategy == "reject":
            raise ThreadBusy
        if await rows.active_count(request.user_id) >= self._settings.api.runs_per_user:
            raise TooMany("Too many runs are active.", retry_after=5)
        if holder is not None and request.multitask_strategy == "rollback":
            holder.rollback = True
        run = Run(
            id=run_id,
            user_id=request.user_id,
            thread_id=thread.id,
            kind="chat",
            agent_name=request.agent_name,
            status=RunStatus.PENDING if holder is None else RunStatus.QUEUED,
            options=request.options,
            protocol_run_id=request.protocol_run_id or str(run_id),
            leg=1,
            rollback=False,
            request_id=request.request_id,
            model="",
            usage={},
            cost_usd=0,
            created_at=now(),
        )
        session.add(run)
        await session.flush()
        known = await rows.known_message_ids(thread.id, [m.id for m in request.messages if m.id])
        for message in request.messages:
            if message.id not in known:
                await rows.add_message(
                    thread_id=thread.id,
                    run_id=run_id,
                    message_id=message.id or f"msg_{uuid.uuid4().hex}",
                    role=message.role,
                    content=message.content,
                    parts=message.parts,
                    tool_call_id=message.tool_call_id,
                )
        return run

    async def _launch_or_fail(self, run: Run) -> None:
        try:
            await self.launch(run)
        except Unavailable as error:
            async with self._database.transaction() as session:
                failure = {"code": error.code, "detail": error.detail}
                await RunRepository(session).set_status(run.id, RunStatus.FAILED, finished_at=now(), error=failure)
            raise

    async def launch(self, run: Run) -> None:
        """Start the run's workflow; a second start finds the first.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        options = run.options
        held = tuple(options.get("interrupt_before_tools") or ())
        tools = tuple(TOOLS)
        ref = ref_of(run)
        chat = ChatInput(
            run=ref,
            tools=tools,
            client_tools=tuple(tool["name"] for tool in options.get("client_tools") or ()),
            held_tools=held,
            deep_thinking=bool(options.get("enable_deep_thinking")),
            auto_accept_plan=bool(options.get("auto_accept_plan")),
            max_steps=self._settings.agents.max_steps,
            interrupt_days=self._settings.agents.interrupt_days,
            request_id=run.request_id,
        )
        try:
            await self._temporal.start_workflow(
                names.CHAT_WORKFLOW,
                chat,
                id=workflow_id(run.kind, ref.run_id),
                task_queue=CHAT_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                memo={"request_id": run.request_id},
                static_summary=f"{run.agent_name} for user {run.user_id}",
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(_USER, str(run.user_id)),
                        SearchAttributePair(_THREAD, ref.thread_id),
                        SearchAttributePair(_KIND, run.kind),
                    ]
                ),
                rpc_timeout=RPC,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def get(self, run_id: uuid.UUID, user_id: int, *, rows: RunRepository | None = None) -> StartedRun:
        """One's own run.

        Raises:
            NotFound: none, or somebody else's.
        """
        if rows is None:
            async with self._database.transaction() as session:
                return await self.get(run_id, user_id, rows=RunRepository(session))
        run = await rows.run(run_id, user_id=user_id)
        if run is None:
            raise NotFound("There is no such run.", code="RUN_NOT_FOUND")
        thread = await rows.thread_by_key(run.thread_id) if run.thread_id else None
        return StartedRun(run, thread.public_id if thread else "")

    async def list(
        self, user_id: int, *, page: int, size: int, filters: dict[str, Any]
    ) -> tuple[Sequence[StartedRun], int]:
        """One's runs, newest first, and how many there are."""
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            found, total = await rows.runs(user_id, offset=(page - 1) * size, limit=size, filters=filters)
        return [StartedRun(run, thread_id or "") for run, thread_id in found], total

    async def threads(self, user_id: int, *, page: int, size: int) -> tuple[Sequence[Thread], int]:
        async with self._database.transaction() as session:
            return await RunRepository(session).threads(user_id, offset=(page - 1) * size, limit=size)

    async def thread(self, thread_id: str, user_id: int) -> Thread:
        """One's own thread.

        Raises:
            NotFound: none, or somebody else's.
        """
        async with self._database.transaction() as session:
            thread = await RunRepository(session).thread(user_id, thread_id)
        if thread is None:
            raise NotFound("There is no such thread.", code="THREAD_NOT_FOUND")
        return thread

    async def messages(self, thread_id: str, user_id: int, *, page: int, size: int) -> tuple[Sequence[Message], int]:
        thread = await self.thread(thread_id, user_id)
        async with self._database.transaction() as session:
            return await RunRepository(session).messages_page(thread.id, offset=(page - 1) * size, limit=size)

    async def cancel(self, run_id: uuid.UUID, user_id: int) -> StartedRun:
        """Ask the run to stop; twice is harmless.

        Raises:
            NotFound: no such run. Unavailable: Temporal is away.
        """
        found = await self.get(run_id, user_id)
        if RunStatus(found.run.status).is_final:
            return found
        if found.run.status == RunStatus.QUEUED:
            await self._cancel_queued(found)
        else:
            await self._cancel_workflow(found.run)
        return await self.get(run_id, user_id)

    async def _cancel_queued(self, found: StartedRun) -> None:
        async with self._database.transaction() as session:
            await RunRepository(session).set_status(found.run.id, RunStatus.CANCELLED, finished_at=now())
        end = events.run_finished(found.thread_id, found.run.protocol_run_id, usage=Usage(), model="", cancelled=True)
        await self._log.append(str(found.run.id), [end], writer="end", ended=True)

    async def _cancel_workflow(self, run: Run) -> None:
        handle = self._temporal.get_workflow_handle(workflow_id(run.kind, str(run.id)))
        try:
            await handle.cancel(rpc_timeout=RPC)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def resume(self, run_id: uuid.UUID, user_id: int, answers: dict[str, Any]) -> StartedRun:
        """Answer a waiting run's questions: one answer for all of them, or one by each question's id.

        Raises:
            NotFound: no such run. RunClosed: it has ended. Conflict: it waits for nothing.
        """
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            run = await rows.run(run_id, user_id=user_id, lock=True)
            if run is None:
                raise NotFound("There is no such run.", code="RUN_NOT_FOUND")
            if RunStatus(run.status).is_final:
                raise RunClosed
            if run.status != RunStatus.WAITING:
                raise Conflict("The run is not waiting for an answer.", code="RUN_NOT_WAITING")
            asked = await rows.interrupts(run.id, leg=run.leg)
            decisions = {item.id: _answer(item, answers) for item in asked}
            run.leg, run.status = run.leg + 1, RunStatus.RUNNING
            thread = await rows.thread_by_key(run.thread_id) if run.thread_id else None
        public = thread.public_id if thread else ""
        begin = events.run_started(public, run.protocol_run_id)
        await self._log.append(str(run.id), [begin], writer=f"leg-{run.leg}-begin")
        handle = self._temporal.get_workflow_handle(workflow_id(run.kind, str(run.id)))
        try:
            await handle.signal(names.RESUME_SIGNAL, Answers(leg=run.leg, decisions=decisions), rpc_timeout=RPC)
        except RPCError as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error
        return StartedRun(run, public)


def ref_of(run: Run) -> RunRef:
    """How contracts speak of a run."""
    return RunRef(
        run_id=str(run.id),
        thread_id=str(run.thread_id),
        user_id=run.user_id,
        kind=run.kind,
        agent_name=run.agent_name,
    )


def _answer(item: Interrupt, answers: dict[str, Any]) -> Decision:
    given = answers.get(item.id) if item.id in answers else answers
    answer: dict[str, Any] = given if isinstance(given, dict) else {}
    decision: Decision = answer.get("decision", "approve")
    item.answer, item.answered_at = {**answer, "decision": decision}, now()
    return decision


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
