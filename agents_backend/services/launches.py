"""Starts the workflow of a run whose row is committed. What carries out each kind of run is listed here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.contracts.media import MediaInput
from agents_backend.contracts.turns import ChatInput, Frozen, RunRef
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import Unavailable
from agents_backend.domain.runs import workflow_id
from agents_backend.settings import Settings

RPC = timedelta(seconds=5)
_USER, _THREAD, _KIND = (SearchAttributeKey.for_keyword(name) for name in ("UserId", "ThreadId", "Kind"))


@dataclass(frozen=True)
class Kind:
    """How runs of a kind are carried out.

    Attributes:
        workflow: its registered name.
        queue: where it and its activities run.
        input: its one argument, made from the run's row.
        priority: Temporal's, 1 (first) to 5; somebody who waits goes before what nobody watches.
    """

    workflow: str
    queue: str
    input: Callable[[Run, Settings], Frozen]
    priority: int = 3


def chat_input(run: Run, settings: Settings) -> ChatInput:
    options = run.options
    return ChatInput(
        run=ref_of(run),
        client_tools=tuple(tool["name"] for tool in options.get("client_tools") or ()),
        held_tools=tuple(options.get("interrupt_before_tools") or ()),
        deep_thinking=bool(options.get("enable_deep_thinking")),
        auto_accept_plan=bool(options.get("auto_accept_plan")),
        max_steps=settings.agents.max_steps,
        interrupt_days=settings.agents.interrupt_days,
        request_id=run.request_id,
    )


def media_input(run: Run, settings: Settings) -> MediaInput:
    return MediaInput(run=ref_of(run), concurrency=settings.speech.concurrency, request_id=run.request_id)


KINDS: dict[str, Kind] = {
    "chat": Kind(names.CHAT_WORKFLOW, queues.CHAT, chat_input, priority=1),
    "agent": Kind(names.CHAT_WORKFLOW, queues.CHAT, chat_input, priority=1),
    "prose": Kind(names.PROSE_WORKFLOW, queues.MEDIA, media_input, priority=1),
    "enhance": Kind(names.PROSE_WORKFLOW, queues.MEDIA, media_input, priority=1),
    "podcast": Kind(names.PODCAST_WORKFLOW, queues.MEDIA, media_input, priority=4),
    "ppt": Kind(names.DECK_WORKFLOW, queues.MEDIA, media_input, priority=3),
    "ingest": Kind(names.INGEST_WORKFLOW, queues.MEDIA, media_input, priority=4),
    "speech": Kind(names.SPEECH_WORKFLOW, queues.MEDIA, media_input, priority=2),
}


class Launches:
    def __init__(self, *, temporal: Client, settings: Settings) -> None:
        self._temporal, self._settings = temporal, settings

    async def launch(self, run: Run) -> None:
        """Start the run's workflow; a second start finds the first.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        kind, ref = KINDS[run.kind], ref_of(run)
        attributes = [SearchAttributePair(_USER, str(run.user_id)), SearchAttributePair(_KIND, run.kind)]
        if run.thread_id is not None:
            attributes.append(SearchAttributePair(_THREAD, ref.thread_id))
        try:
            await self._temporal.start_workflow(
                kind.workflow,
                kind.input(run, self._settings),
                id=workflow_id(run.kind, ref.run_id),
                task_queue=kind.queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                memo={"request_id": run.request_id},
                static_summary=f"{run.agent_name or run.kind} for user {run.user_id}",
                search_attributes=TypedSearchAttributes(attributes),
                priority=Priority(priority_key=kind.priority),
                rpc_timeout=RPC,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def cancel(self, run: Run) -> None:
        """Ask the run's workflow to cancel itself; one that has ended is left alone.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        try:
            await self.handle(run).cancel(rpc_timeout=RPC)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def signal(self, run: Run, name: str, argument: Frozen) -> None:
        """Signal the run's workflow.

        Raises:
            Unavailable: Temporal cannot be reached, or does not know the workflow.
        """
        try:
            await self.handle(run).signal(name, argument, rpc_timeout=RPC)
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error

    def handle(self, run: Run) -> WorkflowHandle[object, object]:
        return self._temporal.get_workflow_handle(workflow_id(run.kind, str(run.id)))


def ref_of(run: Run) -> RunRef:
    """How contracts speak of a run; the thread is empty for a kind that has none."""
    return RunRef(
        run_id=str(run.id),
        thread_id=str(run.thread_id) if run.thread_id else "",
        user_id=run.user_id,
        kind=run.kind,
        agent_name=run.agent_name,
    )
