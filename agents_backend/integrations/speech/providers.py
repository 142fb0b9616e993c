"""What speaks: one protocol, three providers, and the choice between them."""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

import structlog

from agents_backend.domain.errors import SpeechFailed
from agents_backend.integrations.speech.edge import EdgeSpeech
from agents_backend.integrations.speech.embedded import EmbeddedSpeech
from agents_backend.integrations.speech.openai import OpenAISpeech
from agents_backend.integrations.speech.sound import Samples
from agents_backend.integrations.speech.voices import Voice
from agents_backend.settings import Settings

REMEMBERED_SECONDS = 300.0
EMBEDDED = "embedded"
EDGE = "edge"
_log = structlog.get_logger(__name__)


class Speech(Protocol):
    """One way to speak.

    `speak` raises `Invalid` for what it can never speak (a script that its voice does not know), `UpstreamFailed`,
    `UpstreamTimeout` and `TooMany`-like `Unavailable` for what may heal.
    """

    name: str

    def refuses(self, text: str, voice: Voice) -> str | None:
        """Why this provider can never speak the text, or None."""

    async def is_ready(self) -> bool:
        """Whether it can be asked now, found out in a second or two."""

    async def speak(self, text: str, voice: Voice, speed: float) -> Samples:
        """The text as 24 kHz mono samples."""


class SpeechProviders:
    """SPEECH_PROVIDER's, or edge where it can be reached and the embedded voice otherwise; what was found is remembered for 5 minutes."""

    def __init__(self, settings: Settings) -> None:
        self._fixed = settings.speech.provider
        edge, embedded, openai = EdgeSpeech(settings.speech), EmbeddedSpeech(), OpenAISpeech(settings)
        self.all: Mapping[str, Speech] = {speech.name: speech for speech in (edge, embedded, openai)}
        self._reached: tuple[float, bool] | None = None
        self._lock = asyncio.Lock()

    @property
    def is_fixed(self) -> bool:
        return self._fixed != "auto"

    async def choose(self) -> Speech:
        """The provider for a run.

        Raises:
            SpeechFailed: none can speak.
        """
        if self.is_fixed:
            return self.all[self._fixed]
        if await self._edge_is_reachable():
            return self.all[EDGE]
        if await self.all[EMBEDDED].is_ready():
            return self.all[EMBEDDED]
        raise SpeechFailed(
            "No speech can be made: edge-tts cannot be reached and the embedded voice is not installed.",
            code="NO_SPEECH_PROVIDER",
        )

    async def _edge_is_reachable(self) -> bool:
        async with self._lock:
            if self._reached is None or time.monotonic() - self._reached[0] > REMEMBERED_SECONDS:
                found = await self.all[EDGE].is_ready()
                self._reached = (time.monotonic(), found)
                _log.info("speech_provider_checked", edge_is_reachable=found)
            return self._reached[1]
