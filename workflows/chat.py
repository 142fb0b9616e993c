"""A chat run: the agent's graph in the workflow, a human in its loop, and one clean end whatever happens."""

from datetime import timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import policies
from workflows.frames import Frame
from workflows.turns import HistoryFull, WorkflowTurns, interrupt_id

with workflow.unsafe.imports_passed_through():
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.errors import GraphRecursionError
    from langgraph.types import Command
    from pydantic import TypeAdapter
    from pydantic_core import to_jsonable_python
    from temporalio.langgraph import graph

    from agents_backend.contracts import activities as names
    from agents_backend.contracts.turns import (
        Answers,
        ChatInput,
        Midway,
        ModelTurn,
        Pause,
        Question,
        RunEnd,
        ToolCallRef,
    )
    from agents_backend.domain.errors import Invalid
    from agents_backend.domain.runs import RunStatus

# What the graphs keep in their states.
_CHECKPOINTED = JsonPlusSerializer(allowed_msgpack_modules=[ModelTurn, Question, ToolCallRef])


@workflow.defn(name=names.CHAT_WORKFLOW)
class ChatWorkflow:
    @workflow.init
    def __init__(self, chat: ChatInput) -> None:
        self._chat = chat
        self._turns = WorkflowTurns(chat)
        self._answers: dict[int, Answers] = {}

    @workflow.run
    async def run(self, chat: ChatInput) -> RunStatus:
        return await Frame(chat.run).carry_out(self._converse(chat))

    async def _converse(self, chat: ChatInput) -> RunEnd:
        """Let the graph run from interrupt to interrupt until it ends."""
        app = graph(chat.run.agent_name).compile(checkpointer=InMemorySaver(serde=_CHECKPOINTED))
        config: Any = {"configurable": {"thread_id": chat.run.run_id}, "recursion_limit": chat.max_steps * 4}
        asked: Any = await self._beginning(app, config)
        while True:
            try:
                state = await app.ainvoke(asked, config, context=self._turns)
            except HistoryFull:
                await self._go_on_in_a_new_history(app, config)
            except GraphRecursionError:
                raise Invalid("The run took too many steps.", code="STEP_LIMIT") from None
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
