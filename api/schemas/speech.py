"""Text to speech."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from agents_backend.integrations.speech.voices import DEFAULT_VOICE, Voice
from agents_backend.services.speech import MAX_CHARACTERS, SpeechRequest
from api.schemas.runs import Body


class SpeechBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"text": "Hello world", "voice": "en-US-Standard-A", "speed": 1.0}},
    )

    text: str = Field(
        min_length=1, pattern=r"^[^\x00]+$", description=f"{MAX_CHARACTERS:,} characters at most; more is a 413"
    )
    voice: str = Field(DEFAULT_VOICE, min_length=1, max_length=128)
    speed: float = Field(1.0, ge=0.25, le=4, allow_inf_nan=False)

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> SpeechRequest:
        return SpeechRequest(
            user_id=user_id,
            text=self.text,
            voice=self.voice,
            speed=self.speed,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )


class VoiceView(BaseModel):
    name: str
    locale: str
    gender: Literal["female", "male"]

    @classmethod
    def of(cls, voice: Voice) -> Self:
        return cls(name=voice.name, locale=voice.locale, gender=voice.gender)
