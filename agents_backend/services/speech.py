"""Text to speech: accepted here, planned in stretches of sentences, put together as one MP3."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from agents_backend.contracts.media import MadeFile, SpeechPlan
from agents_backend.contracts.turns import RunRef
from agents_backend.domain.errors import Invalid, TooLarge
from agents_backend.domain.scripts import Line, Script
from agents_backend.domain.sentences import is_spoken, stretches
from agents_backend.integrations.speech import sound, voices
from agents_backend.integrations.speech.providers import SpeechProviders
from agents_backend.integrations.speech.tags import with_tags
from agents_backend.services.artifacts import Artifacts, NewArtifact
from agents_backend.services.run_parts import INPUT, RunParts, WithInput
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import StartedRun
from agents_backend.services.spoken_lines import SpokenLines, Take, joined

KIND = "speech"
MAX_CHARACTERS = 20_000
STRETCH = 500
MP3 = "audio/mpeg"
FILE = "speech.mp3"


@dataclass(frozen=True)
class SpeechRequest:
    user_id: int
    text: str
    voice: str
    speed: float
    idempotency_key: str | None = None
    request_id: str = ""


class SpeechInput(BaseModel):
    """What a speech run was given."""

    text: str
    voice: str
    speed: float


class SpeechRequests:
    def __init__(self, *, starts: RunStarts, artifacts: Artifacts) -> None:
        self._starts, self._artifacts = starts, artifacts

    async def start(self, request: SpeechRequest) -> StartedRun:
        """Accept a text.

        Raises:
            Invalid: an unknown voice, or nothing to speak. TooLarge: too long a text. StorageFull: no room for the file.
            TooMany, IdempotencyMismatch, Unavailable: as every run.
        """
        voices.resolve(request.voice)
        if len(request.text) > MAX_CHARACTERS:
            raise TooLarge(f"text: more than {MAX_CHARACTERS:,} characters.")
        if not is_spoken(request.text):
            raise Invalid.field("text", "there is nothing in it that can be spoken")
        await self._artifacts.check_room()
        given = SpeechInput(text=request.text, voice=request.voice, speed=request.speed)
        new = NewRun(
            user_id=request.user_id,
            kind=KIND,
            options={"voice": request.voice, "speed": request.speed},
            body=given.model_dump(),
            idempotency_key=request.idempotency_key,
            request_id=request.request_id,
        )
        return await self._starts.start(new, WithInput(given))


class SpeechFiles:
    """The steps of a speech run."""

    def __init__(
        self, *, parts: RunParts, lines: SpokenLines, providers: SpeechProviders, artifacts: Artifacts
    ) -> None:
        self._parts, self._lines, self._providers, self._artifacts = parts, lines, providers, artifacts

    async def plan(self, run: RunRef) -> SpeechPlan:
        """Cut the text into stretches and choose who speaks them.

        Raises:
            RunClosed: the run has ended. Invalid: the provider cannot read the text. Unavailable: there is no provider.
        """
        await self._parts.begin(run)
        given = await self._parts.get(run, INPUT, SpeechInput)
        provider = await self._providers.choose()
        cut = stretches(given.text, limit=STRETCH)
        script = Script(
            lines=tuple(Line(voice=given.voice, text=stretch.text, pause=stretch.pause) for stretch in cut),
            provider=provider.name,
            may_stand_in=not self._providers.is_fixed,
            speed=given.speed,
        )
        await self._lines.plan(run, script)
        kept = await self._lines.script(run)
        return SpeechPlan(lines=len(kept.lines), provider=kept.provider)

    async def mix(self, run: RunRef) -> MadeFile:
        """One MP3 of all the stretches.

        Raises:
            NotFound: a stretch is gone. StorageFull, Unavailable: the storage.
        """
        script = await self._lines.script(run)
        takes = await self._lines.takes(run, script)
        data, length = await asyncio.to_thread(_encode, takes, script)
        details = {"milliseconds": length, "voice": script.lines[0].voice, "speed": script.speed, **spoken_by(takes)}
        await self._artifacts.save(run, NewArtifact(FILE, MP3, data, details=details))
        return MadeFile(name=FILE, size=len(data))


def _encode(takes: list[Take], script: Script) -> tuple[bytes, int]:
    whole = joined(takes)
    length = sound.milliseconds(whole)
    title = " ".join(script.lines[0].text.split())[:80]
    return with_tags(sound.encode_mp3(whole), title=title, milliseconds=length), length


def spoken_by(takes: list[Take]) -> dict[str, Any]:
    """The provider, and the lines (from 1) that the embedded voice spoke in its stead."""
    stood_in = [number for number, take in enumerate(takes, 1) if take.part.stands_in]
    provider = next((take.part.provider for take in takes if not take.part.stands_in), takes[0].part.provider)
    return {"provider": provider, **({"stood_in_lines": stood_in} if stood_in else {})}
