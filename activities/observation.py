"""Counts what activities do: their time by outcome, and the calls, tokens and cost of models and tools."""

import asyncio
import time
from typing import Any

from opentelemetry import trace
from temporalio import activity, worker
from temporalio.exceptions import ApplicationError, CancelledError

from agents_backend.contracts.turns import ModelRequest, ModelTurn, ToolRequest
from agents_backend.integrations import metrics


class CountActivities(worker.Interceptor):
    """Give it to a worker, with the names of the deployment's tools: a user's own are counted together.

    Labels come from the settings, the code and the error tree alone, never from what a user or a model wrote.
    """

    def __init__(self, tools: frozenset[str]) -> None:
        self._tools = tools

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:  # noqa: A002
        return _Counted(next, self._tools)


class _Counted(worker.ActivityInboundInterceptor):
    def __init__(self, inner: worker.ActivityInboundInterceptor, tools: frozenset[str]) -> None:
        super().__init__(inner)
        self._tools = tools

    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002
        request, started, outcome, result = next(iter(input.args), None), time.perf_counter(), "error", None
        try:
            result = await super().execute_activity(input)
            outcome = "failed" if getattr(result, "failed", False) else "succeeded"
        except (asyncio.CancelledError, CancelledError):
            outcome = "cancelled"
            raise
        except ApplicationError as error:
            outcome = error.type or "error"
            raise
        finally:
            seconds = time.perf_counter() - started
            metrics.ACTIVITY_SECONDS.labels(activity.info().activity_type, outcome).observe(seconds)
            if isinstance(request, ModelRequest):
                _model_call(result, outcome)
            elif isinstance(request, ToolRequest):
                _tool_call(request.call.name if request.call.name in self._tools else "other", outcome)
        return result


def _model_call(turn: Any, outcome: str) -> None:
    if not isinstance(turn, ModelTurn):
        metrics.MODEL_CALLS.labels("unknown", outcome).inc()
        return
    model, used = turn.model or "unknown", turn.usage
    metrics.MODEL_CALLS.labels(model, outcome).inc()
    for kind in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens"):
        metrics.MODEL_TOKENS.labels(model, kind.removesuffix("_tokens")).inc(getattr(used, kind))
    metrics.MODEL_COST.labels(model).inc(used.cost_usd)
    trace.get_current_span().set_attributes(
        {
            "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": used.input_tokens,
            "gen_ai.usage.output_tokens": used.output_tokens,
        }
    )


def _tool_call(name: str, outcome: str) -> None:
    metrics.TOOL_CALLS.labels(name, outcome).inc()
    trace.get_current_span().set_attribute("gen_ai.tool.name", name)
