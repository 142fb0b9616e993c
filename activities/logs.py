"""What the logs' workflow asks for."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.logs import Forgotten
from agents_backend.services.logs import Retention


class LogActivities:
    def __init__(self, *, retention: Retention) -> None:
        self._retention = retention

    @activity.defn(name=names.FORGET_LOGS)
    async def forget_logs(self) -> Forgotten:
        async with working():
            return await self._retention.forget()
