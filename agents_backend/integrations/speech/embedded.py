"""The voice that comes with the installation: hibari, a small neural one, American English, on the processor.

It has one speaker; the male voice is the same one, lower. The package is optional: production images may leave it out.
"""

import asyncio
import os
import unicodedata
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents_backend.domain.errors import Invalid, Unavailable
from agents_backend.integrations import metrics
from agents_backend.integrations.speech.sound import RATE, Samples, bend
from agents_backend.integrations.speech.voices import Voice

_SLOWEST, _FASTEST = 0.5, 2.0
_MALE_PITCH = 0.78
_PEAK = 0.9


class EmbeddedSpeech:
    name = "embedded"

    def __init__(self) -> None:
        self._cores = asyncio.Semaphore(os.cpu_count() or 1)  # more would only take turns

    def refuses(self, text: str, voice: Voice) -> str | None:
        """It reads Latin letters, by the rules of English: what it would pass over in silence is refused instead."""
        if foreign := next((c for c in text if c.isalpha() and not is_latin(c)), None):
            return f"the embedded voice speaks English alone and cannot read “{foreign}”; a speech service is needed"
        if voice.language != "en":
            return f"the embedded voice speaks English alone, not {voice.locale}; a speech service is needed"
        return None

    async def is_ready(self) -> bool:
        return find_spec("hibari") is not None

    async def speak(self, text: str, voice: Voice, speed: float) -> Samples:
        """The text, spoken in a thread of its own.

        Raises:
            Invalid: not English. Unavailable: the package is not installed.
        """
        if why := self.refuses(text, voice):
            raise Invalid(f"This text cannot be spoken: {why}.", code="SPEECH_LANGUAGE")
        if not await self.is_ready():
            raise Unavailable("The embedded voice is not installed.", code="NO_SPEECH_PROVIDER")
        native = min(max(speed, _SLOWEST), _FASTEST)
        pitch = _MALE_PITCH if voice.gender == "male" else 1
        async with self._cores:
            with metrics.SPEECH_SECONDS.labels(self.name).time():
                samples = await asyncio.to_thread(synthesize, text, native)
                return await bend(samples, tempo=speed / native, pitch=pitch)


@cache
def _model() -> Any:
    from hibari import Hibari  # noqa: PLC0415  # optional, and 0.3 s to load

    return Hibari(threads=1)


def synthesize(text: str, speed: float) -> Samples:
    """Same text, same sound: the noise in it is seeded."""
    sound: NDArray[np.float32] = _model()(text, speed=speed, seed=0)
    if not len(sound):
        return np.zeros(RATE // 10, np.int16)
    loudest = float(np.abs(sound).max()) or 1.0
    return (sound * (min(_PEAK / loudest, 2.0) * 32767)).astype(np.int16)


def is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith(("LATIN", "FEMININE", "MASCULINE", "MODIFIER", "MICRO"))
