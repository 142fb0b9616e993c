"""Any server that speaks OpenAI's `/audio/speech`."""

import httpx

from agents_backend.domain.errors import Invalid, Unavailable, UpstreamFailed, UpstreamTimeout
from agents_backend.integrations import metrics
from agents_backend.integrations.retry_after import seconds_of
from agents_backend.integrations.speech.sound import Samples, decode
from agents_backend.integrations.speech.voices import Voice
from agents_backend.settings import Settings

_TOO_MANY = 429
_SERVER_ERRORS = 500
_OK = 200


class OpenAISpeech:
    name = "openai"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.speech
        self._key = settings.speech.openai_api_key or settings.vendors.openai_api_key

    def refuses(self, text: str, voice: Voice) -> str | None:  # noqa: ARG002  # its voices read any language
        return None

    async def is_ready(self) -> bool:
        return self._key is not None

    async def speak(self, text: str, voice: Voice, speed: float) -> Samples:
        """The server's sound file as samples.

        Raises:
            Invalid: it refuses the text. UpstreamFailed, UpstreamTimeout, Unavailable: it fails.
        """
        body = {
            "model": self._settings.openai_model,
            "input": text,
            "voice": voice.openai,
            "speed": speed,
            "response_format": "wav",
        }
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"} if self._key else {}
        url = f"{self._settings.openai_url.rstrip('/')}/audio/speech"
        try:
            async with httpx.AsyncClient(timeout=self._settings.timeout_seconds) as client:
                with metrics.SPEECH_SECONDS.labels(self.name).time():
                    answer = await client.post(url, json=body, headers=headers)
        except httpx.TimeoutException:
            raise UpstreamTimeout("The speech service did not answer in time.") from None
        except httpx.HTTPError as error:
            raise UpstreamFailed("The speech service broke off.") from error
        if answer.status_code != _OK:
            raise _by_status(answer.status_code, answer.headers.get("retry-after", ""))
        return await decode(answer.content)


def _by_status(status: int, retry_after: str) -> Invalid | Unavailable:
    if status == _TOO_MANY:
        seconds = seconds_of(retry_after)
        return Unavailable("The speech service is overloaded now.", retry_after=seconds, code="SPEECH_OVERLOADED")
    if status >= _SERVER_ERRORS:
        return UpstreamFailed(f"The speech service failed with HTTP {status}.")
    return Invalid(f"The speech service refused the text with HTTP {status}.", code="SPEECH_REJECTED")
