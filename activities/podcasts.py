"""What a podcast run's workflow asks for, beside the spoken lines."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.media import MadeFile, SpeechPlan
from agents_backend.contracts.turns import RunRef
from agents_backend.services.podcasts import PodcastFiles


class PodcastActivities:
    def __init__(self, *, files: PodcastFiles) -> None:
        self._files = files

    @activity.defn(name=names.WRITE_SCRIPT)
    async def write_script(self, run: RunRef) -> SpeechPlan:
        async with working():
            return await self._files.write(run)

    @activity.defn(name=names.MIX_PODCAST)
    async def mix_podcast(self, run: RunRef) -> MadeFile:
        async with working():
            return await self._files.mix(run)
