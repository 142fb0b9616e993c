"""Chats: what a client says, put into its thread, and the run that answers it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents_backend.agents.registry import AGENTS, DEFAULT_AGENT
from agents_backend.db.base import now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run, Thread
from agents_backend.domain.errors import Invalid, NotFound, ThreadBusy
from agents_backend.domain.runs import MultitaskStrategy, RunStatus
from agents_backend.services.launches import Launches
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import StartedRun
from agents_backend.settings import Settings


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
    kind: str = "chat"
    thread_id: str | None = None
    agent_name: str = DEFAULT_AGENT
    options: dict[str, Any] = field(default_factory=dict)
    multitask_strategy: MultitaskStrategy = "reject"
    protocol_run_id: str | None = None
    idempotency_key: str | None = None
    request_id: str = ""
    create_thread: bool = False


class Chats:
    def __init__(self, *, starts: RunStarts, launches: Launches, settings: Settings) -> None:
        self._starts, self._launches = starts, launches
        self._models = tuple(model.name for model in settings.configured_models())

    async def start(self, request: ChatRequest) -> StartedRun:
        """Accept a chat.

        Raises:
            Invalid: an unknown agent or model. NotFound: no such thread. ThreadBusy: with `reject`. TooMany: too many active runs.
            IdempotencyMismatch: the key was used for another body. Unavailable: Temporal, PostgreSQL or Redis is away.
        """
        if request.agent_name not in AGENTS:
            raise Invalid.field("agent_name", f"there is no such agent; choose one of {', '.join(AGENTS)}")
        model = request.options.get("model")
        if model is not None and model not in self._models:
            raise Invalid.field("model", f"there is no such model; choose one of {', '.join(self._models) or 'none'}")
        placed = _Place(request)
        started = await self._starts.start(_new(request), placed)
        if placed.replaced is not None:
            await self._launches.cancel(placed.replaced)
        return started


def _new(request: ChatRequest) -> NewRun:
    messages = [[m.role, m.content, m.parts] for m in request.messages]
    return NewRun(
        user_id=request.user_id,
        kind=request.kind,
        agent_name=request.agent_name,
        options=request.options,
        body=[request.thread_id, request.options, messages],
        protocol_run_id=request.protocol_run_id,
        idempotency_key=request.idempotency_key,
        request_id=request.request_id,
    )


class _Place:
    """Puts a run and its messages into their thread, behind or in place of the run that holds it.

    Attributes:
        replaced: the run that gives way, to be cancelled once this one is committed.
    """

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self.replaced: Run | None = None

    async def __call__(self, rows: RunRepository, run: Run) -> str:
        thread = await self._thread(rows)
        run.thread_id = thread.id
        holder = await rows.holder(thread.id)
        if holder is not None:
            self._queue_behind(holder, run)
        await rows.add_run(run)
        await self._say(rows, run, thread)
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

    async def _say(self, rows: RunRepository, run: Run, thread: Thread) -> None:
        messages = self._request.messages
        known = await rows.known_message_ids(thread.id, [m.id for m in messages if m.id])
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
                )


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
