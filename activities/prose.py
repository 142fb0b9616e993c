"""What a prose run's workflow asks for."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.media import Drafted
from agents_backend.contracts.turns import RunRef
from agents_backend.services.prose import ProseTexts


class ProseActivities:
    def __init__(self, *, texts: ProseTexts) -> None:
        self._texts = texts

    @activity.defn(name=names.WRITE_PROSE)
    async def write_prose(self, run: RunRef) -> Drafted:
        async with working():
            return await self._texts.write(run, attempt=activity.info().attempt)
