"""What a scheduler's fire asks for, and the rounds that keep rows and Schedules together."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.schedulers import FireEnd, FireRef, FireState, SchedulersSwept
from agents_backend.services.outcomes import Outcomes
from agents_backend.services.scheduled_tasks import ScheduledTasks
from agents_backend.services.scheduler_sweeps import SchedulerSweeps


class SchedulerActivities:
    def __init__(self, *, scheduled: ScheduledTasks, outcomes: Outcomes, sweeps: SchedulerSweeps) -> None:
        self._scheduled, self._outcomes, self._sweeps = scheduled, outcomes, sweeps

    @activity.defn(name=names.START_TASK)
    async def start_task(self, fire: FireRef) -> FireState:
        async with working():
            return await self._scheduled.start(fire)

    @activity.defn(name=names.PERFORM_TASK)
    async def perform_task(self, fire: FireRef) -> FireState:
        async with working():
            return await self._scheduled.perform(fire, attempt=activity.info().attempt)

    @activity.defn(name=names.LOOK_AT_TASK)
    async def look_at_task(self, fire: FireRef) -> FireState:
        async with working():
            return await self._scheduled.look(fire)

    @activity.defn(name=names.END_TASK)
    async def end_task(self, end: FireEnd) -> FireState:
        async with working():
            return await self._scheduled.end(end)

    @activity.defn(name=names.DELIVER_WEBHOOK)
    async def deliver_webhook(self, fire: FireRef) -> None:
        async with working():
            await self._outcomes.deliver(fire)

    @activity.defn(name=names.GIVE_WEBHOOK_UP)
    async def give_webhook_up(self, fire: FireRef) -> None:
        async with working():
            await self._outcomes.give_up(fire)

    @activity.defn(name=names.SWEEP_SCHEDULERS)
    async def sweep_schedulers(self) -> SchedulersSwept:
        async with working():
            return await self._sweeps.sweep()

    @activity.defn(name=names.AUDIT_SCHEDULERS)
    async def audit_schedulers(self) -> SchedulersSwept:
        async with working():
            return await self._sweeps.audit()
