"""What a speech run's workflow asks for."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.media import LineRef, MadeFile, SpeechPlan, SpokenLine
from agents_backend.contracts.turns import RunRef
from agents_backend.services.speech import SpeechFiles
from agents_backend.services.spoken_lines import SpokenLines


class SpeechActivities:
    def __init__(self, *, files: SpeechFiles, lines: SpokenLines) -> None:
        self._files, self._lines = files, lines

    @activity.defn(name=names.PLAN_SPEECH)
    async def plan_speech(self, run: RunRef) -> SpeechPlan:
        async with working():
            return await self._files.plan(run)

    @activity.defn(name=names.SPEAK_LINE)
    async def speak_line(self, line: LineRef) -> SpokenLine:
        async with working():
            return await self._lines.speak(line, attempt=activity.info().attempt)

    @activity.defn(name=names.MIX_SPEECH)
    async def mix_speech(self, run: RunRef) -> MadeFile:
        async with working():
            return await self._files.mix(run)

    @activity.defn(name=names.CLEAR_LINES)
    async def clear_lines(self, run: RunRef) -> None:
        async with working():
            await self._lines.clear(run)
