"""The run's side of `agents.turns.Turns`: every model call and every tool call is an activity of its own."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow

from agents_backend.contracts import activities as names
from agents_backend.contracts.turns import (
    ChatInput,
    ModelRequest,
    ModelTurn,
    Question,
    RunProgress,
    ToolCallRef,
    ToolOutcome,
    ToolRequest,
)
from agents_backend.domain.errors import Invalid
from workflows import policies


class HistoryFull(Exception):
    """The workflow's history is long enough: the run goes on in a new one, from the last node that was done."""


class WorkflowTurns:
    """Given to the graph's nodes as their context."""

    def __init__(self, chat: ChatInput) -> None:
        self._chat = chat
        self.leg = chat.midway.leg if chat.midway else 1
        self.marks = chat.midway.marks if chat.midway else 0
        self._fresh = True  # each history holds one model call at the least, or a run would never advance
        self.client_tools = frozenset(chat.client_tools)
        self.held_tools = frozenset(chat.held_tools)
        self.deep_thinking = chat.deep_thinking
        self.auto_accept_plan = chat.auto_accept_plan

    async def ask_model(
        self,
        prompt: str,
        *,
        step: int,
        scope: str = "main",
        task: int | None = None,
        tools: bool = False,
        plan: bool = False,
    ) -> ModelTurn:
        if step > self._chat.max_steps:
            raise Invalid(f"The run took more than {self._chat.max_steps} model calls.", code="STEP_LIMIT")
        if workflow.info().is_continue_as_new_suggested() and not self._fresh:
            raise HistoryFull
        self._fresh = False
        request = ModelRequest(
            run=self._chat.run,
            step=step,
            prompt=prompt,
            scope=scope,
            task=task,
            tools=tools,
            client_tools=bool(self.client_tools) and scope == "main" and not plan,
            output="plan" if plan else "text",
            reasoning=self.deep_thinking,
        )
        workflow.set_current_details(f"Step {step}: asking the model ({prompt})")
        turn: ModelTurn = await workflow.execute_activity(
            names.CALL_MODEL,
            request,
            result_type=ModelTurn,
            summary=f"step {step} · {prompt} · {scope}",
            activity_id=f"model-{step}",
            **policies.MODEL,
        )
        return turn

    async def call_tools(
        self, calls: Sequence[tuple[ToolCallRef, Question | None]], *, step: int, scope: str, message_id: str
    ) -> None:
        """Run the calls side by side; when the run is cancelled, so are they, and each is waited for."""
        workflow.set_current_details(f"Step {step}: {', '.join(call.name for call, _ in calls)}")
        await asyncio.gather(*(self._call_tool(call, question, step, scope, message_id) for call, question in calls))

    async def _call_tool(
        self, call: ToolCallRef, question: Question | None, step: int, scope: str, message_id: str
    ) -> ToolOutcome:
        request = ToolRequest(
            run=self._chat.run,
            step=step,
            scope=scope,
            message_id=message_id,
            call=call,
            interrupt_id=interrupt_id(self._chat, question) if question else None,
        )
        outcome: ToolOutcome = await workflow.execute_activity(
            names.CALL_TOOL,
            request,
            result_type=ToolOutcome,
            summary=f"{call.name}({call.preview})"[:200],
            activity_id=f"tool-{step}-{call.id}"[:200],
            **policies.TOOL,
        )
        return outcome

    async def mark(self, step_name: str, *, started: bool) -> None:
        self.marks += 1
        progress = RunProgress(
            run=self._chat.run,
            leg=self.leg,
            order=self.marks,
            step_name=step_name,
            phase="started" if started else "finished",
        )
        await workflow.execute_activity(names.MARK_STEP, progress, summary=step_name[:200], **policies.RECORD)


def interrupt_id(chat: ChatInput, question: Question) -> str:
    """Unique over all runs; the question's own id is unique within its run."""
    return f"{chat.run.run_id}:{question.id}"
