"""A chat run: the agent's graph in the workflow, a human in its loop, and one clean end whatever happens."""

import asyncio
from datetime import timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.errors import GraphRecursionError
    from langgraph.types import Command
    from pydantic import TypeAdapter
    from pydantic_core import to_jsonable_python
    from temporalio.langgraph import graph

    from agents_backend.contracts import activities as names
    from agents_backend.contracts.turns import Answers, ChatInput, Midway, Pause, Question, RunEnd
    from agents_backend.domain.errors import AgentsError
    from agents_backend.domain.runs import RunStatus
    from workflows import policies
    from workflows.turns import HistoryFull, WorkflowTurns, interrupt_id


@workflow.defn(name=names.CHAT_WORKFLOW)
class ChatWorkflow:
    @workflow.init
    def __init__(self, chat: ChatInput) -> None:
        self._chat = chat
        self._turns = WorkflowTurns(chat)
        self._answers: dict[int, Answers] = {}
        self._status = RunStatus.RUNNING

    @workflow.run
    async def run(self, chat: ChatInput) -> RunStatus:
        try:
            end = await self._converse(chat)
        except BaseException as error:
            if is_cancelled_exception(error):
                await self._finish(RunEnd(run=chat.run, status=RunStatus.CANCELLED))
                raise
            if (failure := as_failure(error)) is None:
                raise  # a bug in the workflow: the task is retried, and the fixed code goes on from here
            end = RunEnd(run=chat.run, status=RunStatus.FAILED, error_code=failure[0], error_detail=failure[1])
        await self._finish(end)
        return end.status

    async def _converse(self, chat: ChatInput) -> RunEnd:
        """Let the graph run from interrupt to interrupt until it ends."""
        app = graph(chat.run.agent_name).compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": chat.run.run_id}, "recursion_limit": chat.max_steps * 4}
        asked: Any = await self._beginning(app, config)
        while True:
            try:
                state = await app.ainvoke(asked, config, context=self._turns)
            except HistoryFull:
                await self._go_on_in_a_new_history(app, config)
            if not (interrupts := state.get("__interrupt__")):
                return RunEnd(
                    run=chat.run, status=RunStatus.SUCCEEDED, pending_tool_call_ids=tuple(state.get("pending") or ())
                )
            answers = await self._wait_for_human([question for item in interrupts for question in item.value])
            asked = Command(resume={question: answers.decisions[key] for question, key in self._keys.items()})

    async def _beginning(self, app: Any, config: Any) -> Any:
        """What the graph is invoked with first: nothing new where it goes on midway."""
        midway = self._chat.midway
        if midway is None:
            return {"step": 0}
        values = TypeAdapter(app.builder.state_schema).validate_python(midway.values)
        await app.aupdate_state(config, values, as_node=midway.node)
        return None

    async def _go_on_in_a_new_history(self, app: Any, config: Any) -> NoReturn:
        """Continue as new from the last checkpoint; the node that led to it is what the one before it said comes next."""
        present, before = [snapshot async for snapshot in app.aget_state_history(config, limit=2)]
        midway = Midway(
            node=before.next[0],
            values=to_jsonable_python(present.values),
            leg=self._turns.leg,
            marks=self._turns.marks,
        )
        workflow.continue_as_new(self._chat.model_copy(update={"midway": midway}))

    async def _wait_for_human(self, questions: list[Question]) -> Answers:
        """Put the questions and wait for days; nothing holds a worker meanwhile."""
        leg = self._turns.leg
        self._keys = {question.id: interrupt_id(self._chat, question) for question in questions}
        stamped = tuple(q.model_copy(update={"id": self._keys[q.id]}) for q in questions)
        await workflow.execute_activity(
            names.PAUSE_RUN,
            Pause(run=self._chat.run, leg=leg, questions=stamped),
            summary=f"waiting for a human: {stamped[0].reason}",
            **policies.RECORD,
        )
        workflow.set_current_details(f"Waiting for a human: {stamped[0].message[:500]}")
        try:
            await workflow.wait_condition(
                lambda: leg + 1 in self._answers, timeout=timedelta(days=self._chat.interrupt_days)
            )
        except TimeoutError:
            raise ApplicationError("Nobody answered in time.", type="INTERRUPT_EXPIRED", non_retryable=True) from None
        self._turns.leg = leg + 1
        return self._answers[leg + 1]

    @workflow.signal(name=names.RESUME_SIGNAL)
    def resume(self, answers: Answers) -> None:
        """The human's decisions; a repeated signal changes nothing."""
        self._answers.setdefault(answers.leg, answers)

    async def _finish(self, end: RunEnd) -> None:
        self._status = end.status
        workflow.set_current_details(f"{end.status}{': ' + end.error_detail if end.error_detail else ''}")
        await asyncio.shield(
            workflow.execute_activity(names.FINISH_RUN, end, summary=str(end.status), **policies.RECORD)
        )


def as_failure(error: BaseException) -> tuple[str, str] | None:
    """The code and sentence of an error that ends the run, or None for one that is a bug."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.type or "INTERNAL_ERROR", cause.message
    if isinstance(cause, AgentsError):
        return cause.code, cause.detail
    if isinstance(cause, GraphRecursionError):
        return "STEP_LIMIT", "The run took too many steps."
    if isinstance(error, ActivityError) and not isinstance(cause, CancelledError):
        return "UPSTREAM_TIMEOUT", "A step of the run did not end in time."
    return None
