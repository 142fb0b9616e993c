"""The marks and the end of a run of steps, on whichever queue it runs."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.turns import RunEnd, RunProgress
from agents_backend.services.run_ends import RunEnds


class FrameActivities:
    def __init__(self, *, ends: RunEnds) -> None:
        self._ends = ends

    @activity.defn(name=names.MARK_STEP)
    async def mark_step(self, progress: RunProgress) -> None:
        async with working():
            await self._ends.mark(progress)

    @activity.defn(name=names.FINISH_RUN)
    async def finish_run(self, end: RunEnd) -> None:
        async with working():
            await self._ends.finish(end)
