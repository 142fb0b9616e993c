"""The deployment's own Temporal Schedules: what has to happen again and again, whoever is signed in."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues


@dataclass(frozen=True)
class Upkeep:
    """A workflow without arguments and how often it runs, on the queue `background`."""

    workflow: str
    every: timedelta


UPKEEP: tuple[Upkeep, ...] = (
    Upkeep(names.SWEEP_RUNS_WORKFLOW, timedelta(seconds=15)),
    Upkeep(names.SWEEP_SANDBOXES_WORKFLOW, timedelta(minutes=1)),
    Upkeep(names.EXPIRE_ARTIFACTS_WORKFLOW, timedelta(hours=1)),
    Upkeep(names.EXPIRE_FILES_WORKFLOW, timedelta(minutes=15)),
    Upkeep(names.FORGET_LOGS_WORKFLOW, timedelta(hours=1)),
    Upkeep(names.SWEEP_RESOURCES_WORKFLOW, timedelta(minutes=1)),
    Upkeep(names.SWEEP_CLAUDE_CODE_WORKFLOW, timedelta(minutes=5)),
    Upkeep(names.SWEEP_SCHEDULERS_WORKFLOW, timedelta(seconds=15)),
    Upkeep(names.AUDIT_SCHEDULERS_WORKFLOW, timedelta(minutes=5)),
)


async def ensure_upkeep(temporal: Client) -> None:
    """Make each schedule, or bring it to this version's form; many workers may do so at once."""
    for upkeep in UPKEEP:
        wanted = _schedule(upkeep)
        try:
            await temporal.create_schedule(f"upkeep-{upkeep.workflow}", wanted)
        except ScheduleAlreadyRunningError:
            handle = temporal.get_schedule_handle(f"upkeep-{upkeep.workflow}")
            await handle.update(partial(_changed, wanted))


def _changed(wanted: Schedule, given: ScheduleUpdateInput) -> ScheduleUpdate | None:
    return None if _form(given.description.schedule) == _form(wanted) else ScheduleUpdate(wanted)


def _form(schedule: Schedule) -> tuple[object, ...]:
    """All that `_schedule` decides."""
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return ()
    return (
        *(action.workflow, action.id, action.task_queue, action.execution_timeout),
        *(schedule.spec.intervals, schedule.policy.overlap, schedule.policy.catchup_window),
    )


def _schedule(upkeep: Upkeep) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            upkeep.workflow,
            id=f"upkeep-{upkeep.workflow}",
            task_queue=queues.BACKGROUND,
            execution_timeout=timedelta(minutes=30),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=upkeep.every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)),
    )
