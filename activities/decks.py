"""What a deck run's workflow asks for."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.media import Drafted, MadeFile
from agents_backend.contracts.turns import RunRef
from agents_backend.services.decks import DeckFiles


class DeckActivities:
    def __init__(self, *, files: DeckFiles) -> None:
        self._files = files

    @activity.defn(name=names.OUTLINE_DECK)
    async def outline_deck(self, run: RunRef) -> Drafted:
        async with working():
            return await self._files.outline(run)

    @activity.defn(name=names.BUILD_DECK)
    async def build_deck(self, run: RunRef) -> MadeFile:
        async with working():
            return await self._files.build(run)
