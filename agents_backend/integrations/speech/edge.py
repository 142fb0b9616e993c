"""Microsoft Edge's read-aloud voices through edge-tts: no key, a websocket for each stretch of text."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import aiohttp
from edge_tts import Communicate, communicate
from edge_tts.constants import TRUSTED_CLIENT_TOKEN
from edge_tts.exceptions import EdgeTTSException

from agents_backend.domain.errors import UpstreamFailed, UpstreamTimeout
from agents_backend.integrations import metrics
from agents_backend.integrations.speech.sound import Samples, decode
from agents_backend.integrations.speech.voices import Voice
from agents_backend.settings import SpeechSettings

_REACH_SECONDS = 1.5
_CONNECT_SECONDS = 10
_SLOWEST, _FASTEST = 0.5, 2.0


class EdgeSpeech:
    name = "edge"

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        parts = urlsplit(settings.edge_url)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        self._address = f"{settings.edge_url.rstrip('/')}/edge/v1?TrustedClientToken={TRUSTED_CLIENT_TOKEN}"

    def refuses(self, text: str, voice: Voice) -> str | None:  # noqa: ARG002  # its multilingual service reads any script
        return None

    async def is_ready(self) -> bool:
        try:
            async with asyncio.timeout(_REACH_SECONDS):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def speak(self, text: str, voice: Voice, speed: float) -> Samples:
        """The service's MP3, whole, as samples.

        Raises:
            UpstreamFailed: it refuses, breaks off or sends no sound. UpstreamTimeout: it falls silent.
        """
        native = min(max(speed, _SLOWEST), _FASTEST)
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                with metrics.SPEECH_SECONDS.labels(self.name).time():
                    mp3 = await self._receive(text, voice, f"{round((native - 1) * 100):+d}%")
        except TimeoutError:
            raise UpstreamTimeout("edge-tts did not answer in time.") from None
        except (EdgeTTSException, aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamFailed("edge-tts failed.") from error
        return await decode(mp3, tempo=speed / native)

    async def _receive(self, text: str, voice: Voice, rate: str) -> bytes:
        """All of it; a websocket that closes before its `turn.end` is no answer, though the library takes it for one."""
        # The library has no setting for its address, only this constant, which it reads when it connects.
        vars(communicate)["WSS_URL"] = self._address
        speaking = Communicate(
            text,
            voice.edge,
            rate=rate,
            connect_timeout=_CONNECT_SECONDS,
            receive_timeout=int(self._settings.timeout_seconds),
        )
        mp3 = bytearray()
        async for piece in speaking.stream():
            if piece["type"] == "audio":
                mp3 += piece["data"]
        if speaking.state["cumulative_audio_bytes"] != len(mp3):
            raise UpstreamFailed("edge-tts broke off in the middle.")
        return bytes(mp3)
