"""What every run of steps has around it: its steps are shown, and it ends once, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, is_cancelled_exception

from agents_backend.contracts import activities as names
from agents_backend.contracts.turns import RunEnd, RunProgress, RunRef
from agents_backend.domain.errors import AgentsError
from agents_backend.domain.runs import RunStatus
from workflows import policies

Result = TypeVar("Result")


class Frame:
    """`clears` names the activity that puts away what the run leaves, when it has ended in whichever way."""

    def __init__(self, run: RunRef, *, clears: str | None = None) -> None:
        self._run, self._marks, self._clears = run, 0, clears

    async def carry_out(self, body: Awaitable[object]) -> RunStatus:
        """Do the work and end the run: as the work itself says, or succeeded, failed with its reason, or cancelled."""
        try:
            done = await body
            end = done if isinstance(done, RunEnd) else RunEnd(run=self._run, status=RunStatus.SUCCEEDED)
        except BaseException as error:
            if is_cancelled_exception(error):
                await self._finish(RunEnd(run=self._run, status=RunStatus.CANCELLED))
                raise
            if (failure := as_failure(error)) is None:
                raise  # a bug in the workflow: the task is retried, and the fixed code goes on from here
            end = RunEnd(run=self._run, status=RunStatus.FAILED, error_code=failure[0], error_detail=failure[1])
        await self._finish(end)
        return end.status

    async def do(
        self, activity: str, argument: Any, kind: type[Result], config: policies.ActivityConfig, told: str
    ) -> Result:
        """One activity.

        A run that is cancelled while it ends is cancelled all the same: its success would swallow the cancellation.
        """
        result: Result = await workflow.execute_activity(activity, argument, result_type=kind, summary=told, **config)
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError
        return result

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """Shown as AG-UI's STEP events; closed also when it fails or is cancelled, for nothing may stay open at a run's end."""
        workflow.set_current_details(name)
        await self._mark(name, started=True)
        try:
            yield
        finally:
            await self._mark(name, started=False)

    async def _mark(self, name: str, *, started: bool) -> None:
        self._marks += 1
        progress = RunProgress(
            run=self._run, leg=1, order=self._marks, step_name=name, phase="started" if started else "finished"
        )
        await workflow.execute_activity(names.MARK_STEP, progress, summary=name[:200], **policies.RECORD)

    async def _finish(self, end: RunEnd) -> None:
        workflow.set_current_details(f"{end.status}{': ' + end.error_detail if end.error_detail else ''}")
        await asyncio.shield(_finish(end))
        if self._clears is not None:
            with suppress(ActivityError):  # what stays is deleted with the run's files when their time is over
                await asyncio.shield(
                    workflow.execute_activity(self._clears, self._run, summary="put away", **policies.CLEAR)
                )


async def _finish(end: RunEnd) -> None:
    """At once, within this workflow task: for Temporal and the worker that is half the work of an activity of its own."""
    try:
        await workflow.execute_local_activity(names.FINISH_RUN, end, summary=str(end.status), **policies.AT_ONCE)
    except ActivityError:  # PostgreSQL or Redis is away: an activity of its own waits for them
        await workflow.execute_activity(names.FINISH_RUN, end, summary=str(end.status), **policies.RECORD)


async def side_by_side(jobs: Sequence[Callable[[], Awaitable[Any]]], *, at_once: int) -> None:
    """Do all jobs, some at a time; when one fails the others are cancelled and waited for, and its error is raised."""
    gate = asyncio.Semaphore(at_once)

    async def do(job: Callable[[], Awaitable[Any]]) -> None:
        async with gate:
            await job()

    tasks = [asyncio.create_task(do(job)) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def as_failure(error: BaseException) -> tuple[str, str] | None:
    """The code and sentence of an error that ends the run, or None for one that is a bug."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.type or "INTERNAL_ERROR", cause.message
    if isinstance(cause, AgentsError):
        return cause.code, cause.detail
    if isinstance(error, ActivityError) and not isinstance(cause, CancelledError):
        return "UPSTREAM_TIMEOUT", "A step of the run did not end in time."
    return None
