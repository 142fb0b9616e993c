"""What a graph may ask of the run that it is part of. In a worker Temporal activities answer; in the bench, plain functions."""

from collections.abc import Sequence
from typing import Protocol

from agents_backend.contracts.turns import ModelTurn, Question, ToolCallRef


class Turns(Protocol):
    """Given to every node as `runtime.context`."""

    @property
    def client_tools(self) -> frozenset[str]:
        """The tools that the client runs itself."""

    @property
    def held_tools(self) -> frozenset[str]:
        """The tools that wait for a human's approval."""

    @property
    def deep_thinking(self) -> bool: ...

    @property
    def auto_accept_plan(self) -> bool: ...

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
        """Ask the model; `tools` offers it what the run's toolboxes hold."""

    async def call_tools(
        self, calls: Sequence[tuple[ToolCallRef, Question | None]], *, step: int, scope: str, message_id: str
    ) -> None:
        """Run the calls side by side. A call that carries a question was put to a human, whose answer decides it."""

    async def mark(self, step_name: str, *, started: bool) -> None:
        """Tell the client that a named step began or ended."""
