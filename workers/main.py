"""The composition root of a worker process: any set of task queues, everything that runs on them."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from temporalio.client import Client
from temporalio.langgraph import LangGraphPlugin
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.turns import TurnActivities
from agents_backend.agents.registry import AGENTS
from agents_backend.db.base import Database
from agents_backend.integrations.events import EventLog, connect
from agents_backend.integrations.models import Models
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.services.model_calls import ModelCalls
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.runs import RunsService
from agents_backend.services.tool_calls import ToolCalls
from agents_backend.settings import Settings
from workflows.chat import ChatWorkflow
from workflows.policies import CHAT

_ALWAYS_THE_SAME = ("agents_backend", "workflows", "pydantic", "pydantic_core", "ag_ui", "langchain_core", "langgraph")


async def run(settings: Settings, queues: Sequence[str], *, stop: asyncio.Event | None = None) -> None:
    """Work until `stop` is set or the process is asked to end."""
    async with AsyncExitStack() as stack:
        workers = await build(settings, queues, stack)
        for worker in workers:
            await stack.enter_async_context(worker)
        await (stop or asyncio.Event()).wait()


async def build(settings: Settings, queues: Sequence[str], stack: AsyncExitStack) -> list[Worker]:
    database = await stack.enter_async_context(Database(settings.database, pool_size=20))
    redis = connect(settings.redis)
    stack.push_async_callback(redis.aclose)
    log = EventLog(redis)
    client = await connect_temporal(settings.temporal)
    runs = RunsService(database=database, log=log, temporal=client, settings=settings)
    turns = TurnActivities(
        models=ModelCalls(database=database, log=log, models=Models(settings)),
        tools=ToolCalls(database=database, log=log, settings=settings.agents),
        ends=RunEnds(database=database, log=log, launcher=runs, interrupt_days=settings.agents.interrupt_days),
    )
    return [chat_worker(client, settings, turns)] if CHAT in queues else []


def chat_worker(client: Client, settings: Settings, turns: TurnActivities) -> Worker:
    pollers = PollerBehaviorAutoscaling(initial=5, maximum=100)
    return Worker(
        client,
        task_queue=CHAT,
        workflows=[ChatWorkflow],
        activities=[turns.call_model, turns.call_tool, turns.pause_run, turns.mark_step, turns.finish_run],
        plugins=[LangGraphPlugin(graphs={agent.name: agent.build() for agent in AGENTS.values()})],
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules(*_ALWAYS_THE_SAME)
        ),
        max_concurrent_activities=settings.worker.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.worker.max_concurrent_workflow_tasks,
        workflow_task_poller_behavior=pollers,
        activity_task_poller_behavior=pollers,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker.graceful_shutdown_seconds),
        # The default of 10 s would stall the next step of every run after a worker's death.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        max_heartbeat_throttle_interval=timedelta(seconds=0.5),
        default_heartbeat_throttle_interval=timedelta(seconds=0.5),
    )
