"""What a scheduler's fire asks for, and the rounds that keep rows and Schedules together."""

from temporalio import activity

from activities.failures import as_failures
from activities.heartbeats import beating
from agents_backend.contracts import activities as names
from agents_backend.contracts.schedulers import FireEnd, FireRef, FireState, SchedulersSwept
from agents_backend.services.scheduled_tasks import ScheduledTasks
from agents_backend.services.scheduler_sweeps import SchedulerSweeps


class SchedulerActivities:
    def __init__(self, *, scheduled: ScheduledTasks, sweeps: SchedulerSweeps) -> None:
        self._scheduled, self._sweeps = scheduled, sweeps

    @activity.defn(name=names.PERFORM_TASK)
    async def perform_task(self, fire: FireRef) -> FireState:
        with as_failures():
            async with beating():
                return await self._scheduled.perform(fire, attempt=activity.info().attempt)

    @activity.defn(name=names.LOOK_AT_TASK)
    async def look_at_task(self, fire: FireRef) -> FireState:
        with as_failures():
            return await self._scheduled.look(fire)

    @activity.defn(name=names.END_TASK)
    async def end_task(self, end: FireEnd) -> FireState:
        with as_failures():
            return await self._scheduled.end(end)

    @activity.defn(name=names.SWEEP_SCHEDULERS)
    async def sweep_schedulers(self) -> SchedulersSwept:
        with as_failures():
            return await self._sweeps.sweep()

    @activity.defn(name=names.AUDIT_SCHEDULERS)
    async def audit_schedulers(self) -> SchedulersSwept:
        with as_failures():
            return await self._sweeps.audit()
