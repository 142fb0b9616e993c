"""Lines of a script, each spoken once: the sound to storage, then the row that says it is there."""

import asyncio
import hashlib
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from agents_backend.contracts.media import LineRef, SpokenLine
from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.domain.errors import Invalid, SpeechFailed, Unavailable, UpstreamFailed
from agents_backend.domain.scripts import Line, Script
from agents_backend.integrations.speech import sound, voices
from agents_backend.integrations.speech.providers import EMBEDDED, Speech, SpeechProviders
from agents_backend.integrations.storage import Storage
from agents_backend.services.artifacts import folder_of
from agents_backend.services.progress import Progress
from agents_backend.services.run_parts import RunParts
from agents_backend.services.spending import Spending
from agents_backend.settings import SpeechSettings

SCRIPT = "script"
# From this attempt on the embedded voice may stand in for a provider that still fails.
PATIENCE = 4
# A full disk is waited for longer than a provider that fails.
LAST_ATTEMPT = 8
_READ_AT_ONCE = 8


class _ProviderFailed(Exception):
    """The provider failed, and not the storage."""

    def __init__(self, cause: Unavailable) -> None:
        super().__init__(cause.detail)
        self.cause = cause


class LinePart(BaseModel):
    """A finished line: where its sound is."""

    key: str
    milliseconds: int
    provider: str
    stands_in: bool = False


@dataclass(frozen=True)
class Take:
    """A line with its sound."""

    line: Line
    samples: sound.Samples
    part: LinePart


class SpokenLines:
    def __init__(
        self,
        *,
        parts: RunParts,
        storage: Storage,
        providers: SpeechProviders,
        progress: Progress,
        spending: Spending,
        settings: SpeechSettings,
    ) -> None:
        self._parts, self._storage, self._providers = parts, storage, providers
        self._progress, self._spending, self._settings = progress, spending, settings

    async def plan(self, run: RunRef, script: Script, *, usage: Usage | None = None, model: str = "") -> None:
        """Keep a script whose every line its provider can speak, and show it.

        Raises:
            Invalid: a line is in a script or language that the provider does not know.
            InsufficientCredits: all of it costs more than the run has. What was used for it is kept.
        """
        provider = self._providers.all[script.provider]
        for number, line in enumerate(script.lines, 1):
            if why := provider.refuses(line.text, voices.resolve(line.voice)):
                raise Invalid(f"Line {number} cannot be spoken: {why}.", code="SPEECH_LANGUAGE")
        await self._parts.add(run, SCRIPT, script, usage=usage, model=model)
        kept = await self.script(run)
        await self._spending.cover(run, sum(self._price(line, provider.name) for line in kept.lines))
        await self.show(run, kept)

    async def show(self, run: RunRef, script: Script) -> None:
        lines = [{"speaker": line.speaker, "text": line.text[:200], "status": "waiting"} for line in script.lines]
        state = {"title": script.title, "provider": script.provider, "method": script.method, "lines": lines}
        await self._progress.snapshot(run, SCRIPT, {**state, "note": script.note} if script.note else state)

    async def written(self, run: RunRef) -> Script | None:
        """The script, if an earlier attempt has written it."""
        return await self._parts.find(run, SCRIPT, Script)

    async def script(self, run: RunRef) -> Script:
        return await self._parts.get(run, SCRIPT, Script)

    async def speak(self, ref: LineRef, *, attempt: int) -> SpokenLine:
        """Speak a line, unless it is spoken already.

        Raises:
            Invalid: it can never be spoken. SpeechFailed: the provider failed too often.
            Unavailable: the provider or the storage fails in a way that may heal.
        """
        name = f"line-{ref.index}"
        done = await self._parts.find(ref.run, name, LinePart)
        if done is None:
            script = await self.script(ref.run)
            done = await self._say(ref, script, attempt)
            await self._parts.add(
                ref.run, name, done, usage=self._usage(script.lines[ref.index], done), voice=done.provider
            )
        status = f"spoken by the {EMBEDDED} voice instead" if done.stands_in else "spoken"
        await self._progress.change(ref.run, name, f"/lines/{ref.index}/status", status)
        return SpokenLine(milliseconds=done.milliseconds, provider=done.provider, stands_in=done.stands_in)

    async def _say(self, ref: LineRef, script: Script, attempt: int) -> LinePart:
        line, provider = script.lines[ref.index], self._providers.all[script.provider]
        try:
            return await self._record(ref.run, provider, line, script.speed)
        except _ProviderFailed as failure:
            other = self._providers.all[EMBEDDED]
            if script.may_stand_in and attempt >= PATIENCE and await _can_speak(other, line):
                part = await self._record(ref.run, other, line, script.speed)
                return part.model_copy(update={"stands_in": True})
            if attempt >= LAST_ATTEMPT:
                raise SpeechFailed(f"Line {ref.index + 1} could not be spoken: {failure.cause.detail}") from failure
            raise failure.cause from failure

    async def _record(self, run: RunRef, provider: Speech, line: Line, speed: float) -> LinePart:
        try:
            spoken = await provider.speak(line.text, voices.resolve(line.voice), speed)
            samples = await asyncio.to_thread(lambda: sound.evened(sound.trim(spoken)))
            if not samples.size:
                raise UpstreamFailed(f"The voice said nothing for “{line.text[:60]}”.", code="SPEECH_EMPTY")
        except Unavailable as error:
            raise _ProviderFailed(error) from error
        key = f"{work_of(run.run_id)}{_digest(provider.name, line, speed)}"
        await self._storage.write(key, samples.tobytes())
        return LinePart(key=key, milliseconds=sound.milliseconds(samples), provider=provider.name)

    def _usage(self, line: Line, part: LinePart) -> Usage:
        return Usage(characters=len(line.text), cost_usd=self._price(line, part.provider))

    def _price(self, line: Line, provider: str) -> float:
        """US dollars."""
        return 0 if provider == EMBEDDED else len(line.text) * self._settings.price / 1e6

    async def takes(self, run: RunRef, script: Script) -> list[Take]:
        """Every line with its sound, in order.

        Raises:
            NotFound: a line's sound is gone. Unavailable: the storage does not answer.
        """
        parts = await self._parts.several(run, [f"line-{index}" for index in range(len(script.lines))], LinePart)
        gate = asyncio.Semaphore(_READ_AT_ONCE)

        async def read(part: LinePart) -> sound.Samples:
            async with gate:
                return np.frombuffer(await self._storage.read(part.key), np.int16)

        sounds = await asyncio.gather(*(read(part) for part in parts))
        return [Take(*taken) for taken in zip(script.lines, sounds, parts, strict=True)]

    async def clear(self, run: RunRef) -> None:
        """Delete the lines' sounds, when the run has ended; the file that they became is kept."""
        await self._storage.delete([item.key for item in await self._storage.list(work_of(run.run_id))])


async def _can_speak(provider: Speech, line: Line) -> bool:
    return provider.refuses(line.text, voices.resolve(line.voice)) is None and await provider.is_ready()


def work_of(run_id: str) -> str:
    return f"{folder_of(run_id)}work/"


def _digest(provider: str, line: Line, speed: float) -> str:
    return hashlib.sha256(f"{provider}\n{line.voice}\n{speed}\n{line.text}".encode()).hexdigest()[:32]


def starts(takes: list[Take]) -> list[int]:
    """When each line begins, and last when all is over, in milliseconds."""
    found, at = [], 0
    for take in takes:
        found.append(at * 1000 // sound.RATE)
        at += len(take.samples) + len(sound.silence(take.line.pause))
    end = at - len(sound.silence(takes[-1].line.pause))
    return [*found, end * 1000 // sound.RATE]


def joined(takes: list[Take]) -> sound.Samples:
    """The lines one after another, each with its pause, the last without."""
    pieces: list[sound.Samples] = []
    for take in takes:
        pieces += [take.samples, sound.silence(take.line.pause)]
    return np.concatenate(pieces[:-1])
