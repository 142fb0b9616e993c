"""What the sweeps' workflows ask for."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.sweeps import Swept
from agents_backend.services.sweeps import Sweeps


class SweepActivities:
    def __init__(self, *, sweeps: Sweeps) -> None:
        self._sweeps = sweeps

    @activity.defn(name=names.SWEEP_RUNS)
    async def sweep_runs(self) -> Swept:
        async with working():
            return await self._sweeps.sweep()
