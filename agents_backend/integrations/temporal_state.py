"""What Temporal says of its task queues and of what runs on them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from agents_backend.domain.errors import Unavailable

_LIMIT = timedelta(seconds=3)
_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


@dataclass(frozen=True)
class Poller:
    identity: str
    last_access: datetime


@dataclass(frozen=True)
class QueueState:
    """A task queue: who takes tasks from it, how many wait, and for how long the oldest does."""

    name: str
    kind: str
    pollers: list[Poller]
    backlog: int
    backlog_age_seconds: float


class TemporalState:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def queues(self, names: Iterable[str]) -> list[QueueState]:
        """The state of each queue, for workflows and for activities.

        Raises:
            Unavailable: Temporal does not answer.
        """
        try:
            return await asyncio.gather(*(self._queue(name, kind) for name in names for kind in _KINDS))
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal does not answer.", retry_after=2) from error

    async def _queue(self, name: str, kind: str) -> QueueState:
        found = await self._client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._client.namespace,
                task_queue=TaskQueue(name=name),
                task_queue_type=_KINDS[kind],
                report_stats=True,
            ),
            timeout=_LIMIT,
        )
        pollers = [Poller(one.identity, one.last_access_time.ToDatetime(UTC)) for one in found.pollers]
        stats = found.stats
        age = stats.approximate_backlog_age.ToTimedelta().total_seconds()
        return QueueState(name, kind, pollers, stats.approximate_backlog_count, age)

    async def running(self, types: Iterable[str]) -> dict[str, int]:
        """How many workflows of each type run now.

        Raises:
            Unavailable: Temporal does not answer.
        """
        wanted = list(types)
        try:  # Temporal counts no groups by type: one count for each
            counts = await asyncio.gather(*(self._count(name) for name in wanted))
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal does not answer.", retry_after=2) from error
        return dict(zip(wanted, counts, strict=True))

    async def _count(self, name: str) -> int:
        query = f"ExecutionStatus='Running' AND WorkflowType='{name}'"
        return (await self._client.count_workflows(query, rpc_timeout=_LIMIT)).count
