"""What a conversation's run asks for besides its marks and its end (`frames.py`): a model call, a tool call, a pause."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.turns import (
    ModelRequest,
    ModelTurn,
    Pause,
    ToolOutcome,
    ToolRequest,
)
from agents_backend.services.model_calls import ModelCalls
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.tool_calls import ToolCalls


def was_cancelled() -> bool:
    """Whether the run's user asked for it; else the worker stops, or the server takes this attempt for dead."""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


class TurnActivities:
    def __init__(self, *, models: ModelCalls, tools: ToolCalls, ends: RunEnds) -> None:
        self._models, self._tools, self._ends = models, tools, ends

    @activity.defn(name=names.CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelTurn:
        async with working():
            return await self._models.call(request, attempt=activity.info().attempt, is_wanted=was_cancelled)

    @activity.defn(name=names.CALL_TOOL)
    async def call_tool(self, request: ToolRequest) -> ToolOutcome:
        async with working():
            return await self._tools.call(request, is_wanted=was_cancelled)

    @activity.defn(name=names.PAUSE_RUN)
    async def pause_run(self, pause: Pause) -> None:
        async with working():
            await self._ends.pause(pause)
