"""The composition root of a worker process: any set of task queues, everything that runs on them."""

import asyncio
import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import version

import structlog
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from activities.observation import CountActivities
from agents_backend.contracts import queues as task_queues
from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import Models
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.redis_connections import connect
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.services.deployed_tools import deployed_tools
from agents_backend.services.toolboxes import Toolbox
from agents_backend.services.upkeep import ensure_upkeep
from agents_backend.settings import EMBEDDED, EMBEDDED_NOTICE, Settings
from workers.queues import WORK, Parts

_log = structlog.get_logger(__name__)


async def run(
    settings: Settings,
    queues: Sequence[str],
    *,
    stop: asyncio.Event | None = None,
    more_tools: Sequence[Toolbox] = (),
) -> None:
    """Work until `stop` is set or the process is asked to end. `more_tools` are a deployment's own."""
    async with AsyncExitStack() as stack:
        for worker in await build(settings, queues, stack, more_tools=more_tools):
            await stack.enter_async_context(worker)
        await (stop or asyncio.Event()).wait()


async def build(
    settings: Settings, queues: Sequence[str], stack: AsyncExitStack, *, more_tools: Sequence[Toolbox] = ()
) -> list[Worker]:
    """A worker for each queue.

    Raises:
        ValueError: there is no such queue.
    """
    if unknown := sorted(set(queues) - set(task_queues.QUEUES)):
        raise ValueError(f"no such queue: {', '.join(unknown)}; there are {', '.join(task_queues.QUEUES)}")
    parts = await _parts(settings, stack, more_tools)
    if task_queues.CHAT in queues:
        await parts.models.warm()
    gc.freeze()  # a full collection of all that was imported would hold the loop for 0.1 s and more, again and again
    if EMBEDDED in parts.models.configs:
        _log.warning("embedded_model_answers", notice=EMBEDDED_NOTICE)
    if task_queues.BACKGROUND in queues:
        await ensure_upkeep(parts.temporal)
    return [worker_of(parts, queue) for queue in queues if queue in WORK]


async def _parts(settings: Settings, stack: AsyncExitStack, more_tools: Sequence[Toolbox]) -> Parts:
    database = await stack.enter_async_context(Database(settings.database, pool_size=20))
    redis = await stack.enter_async_context(connect(settings.redis))
    client = await connect_temporal(settings)
    policy, trust = Policy(allow_loopback=settings.agents.fetch_allow_loopback), await certificates()
    tools = deployed_tools(settings, more_tools, database=database, temporal=client, log=EventLog(redis))
    return Parts(
        settings=settings,
        database=database,
        redis=redis,
        temporal=client,
        models=await stack.enter_async_context(Models(settings)),
        toolboxes=await stack.enter_async_context(tools),
        outgoing=await stack.enter_async_context(Outgoing(policy=policy)),
        pages=await stack.enter_async_context(Pages(policy=policy, trust=trust)),
        reader=await stack.enter_async_context(Reader()),
    )


def worker_of(parts: Parts, queue: str) -> Worker:
    settings, work = parts.settings, WORK[queue](parts)
    tools = frozenset(found.tool.name for found in parts.toolboxes.catalogue())
    pollers = PollerBehaviorAutoscaling(initial=5, maximum=100)
    return Worker(
        parts.temporal,
        task_queue=queue,
        workflows=work.workflows,
        activities=work.activities,
        plugins=work.plugins,
        build_id=version("agents-backend"),  # the default hashes the source of every loaded module, for seconds
        interceptors=[CountActivities(tools)],
        workflow_runner=UnsandboxedWorkflowRunner(),  # the replays of the tests run in the sandbox: ADR 0005
        max_concurrent_activities=settings.worker.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.worker.max_concurrent_workflow_tasks,
        workflow_task_poller_behavior=pollers,
        activity_task_poller_behavior=pollers,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker.graceful_shutdown_seconds),
        # The default of 10 s would stall the next step of every run after a worker's death.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        default_heartbeat_throttle_interval=timedelta(seconds=1),
    )
