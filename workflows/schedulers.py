"""What a scheduler's fire is: its task carried out, the run that it may have started waited for, the outcome told."""

import asyncio
import uuid
from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError, is_cancelled_exception
from temporalio.workflow import ParentClosePolicy

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.schedulers import Fire, FireEnd, FireRef, FireState, SchedulersSwept

_SCHEDULED_FOR = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 60.0
_ALL_LOOKS_COUNTED = 20  # the pause is the longest by then
_LOOKS_A_HISTORY = 500


# Outside of the sandbox, which costs more than all that this does: it is started more often than any other.
@workflow.defn(name=names.SCHEDULED_TASK_WORKFLOW, sandboxed=False)
class ScheduledTaskWorkflow:
    @workflow.init
    def __init__(self, fire: Fire) -> None:
        self._looks = fire.looks
        self._fire = reference(fire)

    @workflow.run
    async def run(self, fire: Fire) -> str:
        try:
            state = await self._perform(fire)
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._end(FireEnd(fire=self._fire, status="cancelled"))
                raise
            code, detail = failure_of(error)
            state = await self._end(FireEnd(fire=self._fire, status="failed", error_code=code, error_detail=detail))
        if state.deliver:
            await self._deliver()
        return state.status

    async def _perform(self, fire: Fire) -> FireState:
        state = await self._start()
        if state.todo:
            state = await workflow.execute_activity(
                names.PERFORM_TASK, self._fire, result_type=FireState, **policies.TASK
            )
        while not state.ended:
            if self._looks - fire.looks >= _LOOKS_A_HISTORY:
                workflow.continue_as_new(fire.model_copy(update={"looks": self._looks}))
            await workflow.sleep(timedelta(seconds=pause(self._looks)))
            self._looks += 1
            state = await workflow.execute_activity(
                names.LOOK_AT_TASK, self._fire, result_type=FireState, **policies.RECORD
            )
        return state

    async def _start(self) -> FireState:
        """Most tasks are done, or their run started, here: half the work for Temporal of an activity of their own."""
        try:
            state: FireState = await workflow.execute_local_activity(
                names.START_TASK, self._fire, result_type=FireState, **policies.AT_ONCE
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return FireState(status="pending", ended=False, todo=True)
        return state

    async def _end(self, end: FireEnd) -> FireState:
        state: FireState = await asyncio.shield(
            workflow.execute_activity(names.END_TASK, end, result_type=FireState, summary=end.status, **policies.RECORD)
        )
        return state

    async def _deliver(self) -> None:
        """By a workflow of its own: a receiver that is down for hours must not hold the schedule."""
        try:
            await workflow.start_child_workflow(
                names.WEBHOOK_WORKFLOW,
                self._fire,
                id=f"webhook-{self._fire.fire_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            return


def reference(fire: Fire) -> FireRef:
    """The same over retries and continue-as-new; another for each time that Temporal starts the workflow."""
    info = workflow.info()
    derived = uuid.uuid5(uuid.NAMESPACE_URL, f"{info.workflow_id}/{info.first_execution_run_id}")
    return FireRef(
        scheduler_id=fire.scheduler_id,
        fire_id=fire.fire_id or str(derived),
        workflow_id=info.workflow_id,
        scheduled_for=None if fire.fire_id else info.typed_search_attributes.get(_SCHEDULED_FOR),
    )


def pause(looks: int) -> float:
    """Seconds before the next look: often at first, each minute in the end."""
    return min(_FIRST_PAUSE * 1.5 ** min(looks, _ALL_LOOKS_COUNTED), _LONGEST_PAUSE)


def failure_of(error: BaseException) -> tuple[str, str]:
    """The code and sentence of an activity that gave up."""
    cause = error.__cause__
    if isinstance(cause, ApplicationError):
        return cause.type or "INTERNAL_ERROR", cause.message
    return "UPSTREAM_TIMEOUT", "The task did not end in time."


@workflow.defn(name=names.WEBHOOK_WORKFLOW)
class WebhookWorkflow:
    @workflow.run
    async def run(self, fire: FireRef) -> None:
        try:
            await workflow.execute_activity(names.DELIVER_WEBHOOK, fire, **policies.WEBHOOK)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await workflow.execute_activity(names.GIVE_WEBHOOK_UP, fire, **policies.RECORD)


@workflow.defn(name=names.SWEEP_SCHEDULERS_WORKFLOW)
class SweepSchedulersWorkflow:
    @workflow.run
    async def run(self) -> SchedulersSwept:
        swept: SchedulersSwept = await workflow.execute_activity(
            names.SWEEP_SCHEDULERS, result_type=SchedulersSwept, **policies.SWEEP
        )
        return swept


@workflow.defn(name=names.AUDIT_SCHEDULERS_WORKFLOW)
class AuditSchedulersWorkflow:
    @workflow.run
    async def run(self) -> SchedulersSwept:
        swept: SchedulersSwept = await workflow.execute_activity(
            names.AUDIT_SCHEDULERS, result_type=SchedulersSwept, **policies.SWEEP
        )
        return swept
