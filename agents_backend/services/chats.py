"""Chats: what a client says, put into its thread, and the run that answers it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents_backend.agents.registry import AGENTS, DEFAULT_AGENT
from agents_backend.db.base import Database, now
from agents_backend.db.idempotency import digest_of
from agents_backend.db.mcp import McpServerRepository
from agents_backend.db.runs import RunRepository
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.files import StagedFile
from agents_backend.db.tables.runs import Interrupt, Run, Thread
from agents_backend.domain.errors import Conflict, IdempotencyMismatch, Invalid, NotFound, ThreadBusy
from agents_backend.domain.runs import MultitaskStrategy, RunStatus
from agents_backend.services.agent_sandboxes import CHOSEN
from agents_backend.services.attachments import part_of
from agents_backend.services.idempotency import reading_what_was_made
from agents_backend.services.launches import Launches
from agents_backend.services.run_mcp import McpWishes, RunMcp
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import RunsService, StartedRun, accept_answers, find
from agents_backend.services.sandbox_access import find_named
from agents_backend.services.staged_files import attached
from agents_backend.settings import Settings

_YES = frozenset(
    {"yes", "y", "ok", "okay", "approve", "approved", "accept", "accepted", "[accepted]", "go ahead", "continue"}
)
_ANSWER = "answer"


@dataclass(frozen=True)
class NewMessage:
    """A message as a client brings it.

    Attributes:
        parts: the content as AG-UI's parts, where it is more than text.
        tool_calls: `[{id, name, args}]`, of an assistant's message that the client kept itself.
    """

    role: str
    content: str
    id: str | None = None
    parts: list[Any] | None = None
    tool_call_id: str | None = None
    tool_calls: list[Any] | None = None


@dataclass(frozen=True)
class ChatRequest:
    """What a client asks for, however it asked (chat/stream or AG-UI).

    Attributes:
        resume: answers by the id of the interrupt that asked.
        create_thread: whether an unknown thread id makes a thread of that name.
        file_ids: staged files that belong to the last message.
    """

    user_id: int
    messages: Sequence[NewMessage]
    kind: str = "chat"
    thread_id: str | None = None
    agent_name: str = DEFAULT_AGENT
    options: dict[str, Any] = field(default_factory=dict)
    mcp: McpWishes = field(default_factory=McpWishes)
    multitask_strategy: MultitaskStrategy = "reject"
    protocol_run_id: str | None = None
    idempotency_key: str | None = None
    request_id: str = ""
    create_thread: bool = False
    resume: Sequence[tuple[str, dict[str, Any]]] = ()
    file_ids: Sequence[uuid.UUID] = ()


class Chats:
    def __init__(
        self,
        *,
        database: Database,
        starts: RunStarts,
        runs: RunsService,
        launches: Launches,
        mcp: RunMcp,
        settings: Settings,
    ) -> None:
        self._database, self._starts, self._runs, self._launches = database, starts, runs, launches
        self._mcp = mcp
        self._models = tuple(model.name for model in settings.configured_models())
        self._kept_days = settings.files.kept_days

    async def start(self, request: ChatRequest) -> StartedRun:
        """Accept a chat; on a thread that waits for a human, the answer that it waits for.

        Raises:
            Invalid: an unknown agent, model or MCP server. NotFound: no such thread or file. ThreadBusy: with `reject`.
            TooMany: too many active runs. InsufficientCredits: too few for a run.
            IdempotencyMismatch: the key was used for another body. Unavailable: Temporal, PostgreSQL or Redis is away.
            Conflict: `resume` answers what nobody asks. SandboxGone: the sandbox of `session_id` has ended.
        """
        if request.agent_name not in AGENTS:
            raise Invalid.field("agent_name", f"there is no such agent; choose one of {', '.join(AGENTS)}")
        model = request.options.get("model")
        if model is not None and model not in self._models:
            raise Invalid.field("model", f"there is no such model; choose one of {', '.join(self._models) or 'none'}")
        if request.thread_id is not None and (answered := await self._answer(request)):
            await self._runs.deliver(answered)
            return answered
        self._mcp.check(request.mcp)
        placed = _Place(request, self._mcp, kept_days=self._kept_days)
        started = await self._starts.start(_new(request), placed)
        if placed.replaced is not None:
            await self._launches.cancel(placed.replaced)
        return started

    async def _answer(self, request: ChatRequest) -> StartedRun | None:
        """Give a waiting run what it waits for: AG-UI's resume entries, or plain text."""
        if request.multitask_strategy != "reject":
            return None
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            thread = await rows.thread(request.user_id, request.thread_id or "", lock=True)
            if thread is None:
                return None
            if repeated := await _repeated(rows, thread, request):
                return repeated
            run = await rows.holder(thread.id)
            if run is None or run.status != RunStatus.WAITING:
                if request.resume:
                    raise Conflict("Nothing on this thread waits for an answer.", code="RUN_NOT_WAITING")
                return None
            text = await _new_text(rows, thread, request)
            if not request.resume and text is None:
                return None
            if request.file_ids:
                raise Invalid.field("file_ids", "an answer to a question takes no files")
            answers = dict(request.resume) or said(await rows.interrupts(run.id, leg=run.leg), text or "")
            await accept_answers(rows, run, answers)
            run.protocol_run_id = request.protocol_run_id or run.protocol_run_id
            if text is not None:
                await _keep_answer(rows, run, text)
            if request.idempotency_key is not None:
                result, digest = f"{run.id}:{run.leg}", digest_of(_new(request).digested)
                await rows.claim_key(request.user_id, request.idempotency_key, _ANSWER, digest, result)
        return StartedRun(run, thread.public_id, leg=run.leg)


async def _repeated(rows: RunRepository, thread: Thread, request: ChatRequest) -> StartedRun | None:
    """The leg that an earlier request with the same Idempotency-Key began."""
    key = await rows.key(request.user_id, request.idempotency_key) if request.idempotency_key else None
    if key is None or key.operation != _ANSWER:
        return None
    if key.body_hash != digest_of(_new(request).digested):
        raise IdempotencyMismatch
    run_id, _, leg = key.result_id.partition(":")
    with reading_what_was_made():
        found = await find(rows, uuid.UUID(run_id), request.user_id)
    return StartedRun(found.run, thread.public_id, leg=int(leg))


async def _new_text(rows: RunRepository, thread: Thread, request: ChatRequest) -> str | None:
    """What the user says now; clients that send the whole conversation each time send old messages with their ids."""
    last = next((m for m in reversed(request.messages) if m.role == "user"), None)
    if last is None or (last.id and await rows.known_message_ids(thread.id, [last.id])):
        return None
    return last.content


async def _keep_answer(rows: RunRepository, run: Run, text: str) -> None:
    """In the thread for people to read; the model reads it where it was asked for."""
    message_id = f"msg_{run.id.hex}_answer_{run.leg}"
    await rows.add_message(
        thread_id=run.thread_id, run_id=run.id, message_id=message_id, role="user", scope="answer", content=text
    )


def said(asked: Sequence[Interrupt], text: str) -> dict[str, Any]:
    """Plain text as an answer. A question takes any text; what asks for consent goes on only at a plain yes.

    Anything else refuses, and the text is the reason: nothing that is held ever runs by a misunderstanding.
    """
    yes = text.strip().strip(".!").casefold() in _YES
    answers: dict[str, Any] = {}
    for item in asked:
        if item.reason == "question":
            answers[item.id] = {"decision": "approve", "feedback": text}
        else:
            answers[item.id] = {"decision": "approve"} if yes else {"decision": "reject", "feedback": text}
    return answers


def _new(request: ChatRequest) -> NewRun:
    messages = [[m.role, m.content, m.parts] for m in request.messages]
    return NewRun(
        user_id=request.user_id,
        kind=request.kind,
        agent_name=request.agent_name,
        options=request.options,
        body=[
            request.thread_id,
            request.options,
            messages,
            list(request.resume),
            *map(str, request.file_ids),
            *request.mcp.digested,
        ],
        protocol_run_id=request.protocol_run_id,
        idempotency_key=request.idempotency_key,
        request_id=request.request_id,
    )


class _Place:
    """Puts a run and its messages into their thread, behind or in place of the run that holds it.

    Attributes:
        replaced: the run that gives way, to be cancelled once this one is committed.
    """

    def __init__(self, request: ChatRequest, mcp: RunMcp, *, kept_days: float) -> None:
        self._request, self._mcp, self._kept_days = request, mcp, kept_days
        self.replaced: Run | None = None

    async def __call__(self, rows: RunRepository, run: Run) -> str:
        thread = await self._thread(rows)
        run.thread_id = thread.id
        holder = await rows.holder(thread.id)
        if holder is not None:
            self._queue_behind(holder, run)
        if (name := run.options.get("session_id")) is not None:
            sandbox = await find_named(SandboxRepository(rows.session), name, run.user_id)
            run.options = {**run.options, CHOSEN: sandbox.id}
        await rows.add_run(run)
        request = self._request
        await self._mcp.keep(McpServerRepository(rows.session), run, request.mcp)
        files = await attached(rows.session, run.user_id, request.file_ids, kept_days=self._kept_days)
        await self._say(rows, run, thread, files)
        return thread.public_id

    async def _thread(self, rows: RunRepository) -> Thread:
        request = self._request
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

    def _queue_behind(self, holder: Run, run: Run) -> None:
        strategy = self._request.multitask_strategy
        if strategy == "reject":
            raise ThreadBusy
        run.status = RunStatus.QUEUED
        if strategy in {"interrupt", "rollback"}:
            self.replaced = holder
            holder.rollback = strategy == "rollback"

    async def _say(self, rows: RunRepository, run: Run, thread: Thread, files: Sequence[StagedFile]) -> None:
        messages = list(self._request.messages)
        known = await rows.known_message_ids(thread.id, [m.id for m in messages if m.id])
        if files:
            last = max((i for i, message in enumerate(messages) if message.role == "user"), default=None)
            if last is None or messages[last].id in known:
                raise Invalid.field("file_ids", "there is no new message of yours that they belong to")
            messages[last] = _with_files(messages[last], files)
        for message in messages:
            if message.id not in known:
                await rows.add_message(
                    thread_id=thread.id,
                    run_id=run.id,
                    message_id=message.id or f"msg_{uuid.uuid4().hex}",
                    role=message.role,
                    content=message.content,
                    parts=message.parts,
                    tool_call_id=message.tool_call_id,
                    tool_calls=message.tool_calls,
                )


def _with_files(message: NewMessage, files: Sequence[StagedFile]) -> NewMessage:
    said = message.parts or [{"type": "text", "text": message.content}]
    return replace(message, parts=[*said, *(part_of(file) for file in files)])


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
