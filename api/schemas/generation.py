"""Podcasts and decks."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from agents_backend.integrations.decks.themes import LIGHT, THEMES
from agents_backend.services.decks import DeckInput, DeckRequest
from agents_backend.services.podcasts import PodcastInput, PodcastRequest
from api.schemas.runs import Body

Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]
Content = Annotated[
    str,
    Field(min_length=1, pattern=r"^[^\x00]+$", description="text or Markdown, 200 kB at most; more is a 413"),
]


class PodcastBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"content": "Report content here..."}})

    content: Content
    locale: Locale | None = Field(None, description="the language to speak; default: the content's own")
    voices: tuple[str, str] | None = Field(None, description="the hosts' voices, from GET /agent/tts/voices")

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> PodcastRequest:
        given = PodcastInput(content=self.content, locale=self.locale, voices=self.voices)
        return PodcastRequest(user_id, given, idempotency_key, request_id)


class DeckBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"content": "Report content...", "locale": "en-US"}}
    )

    content: Content
    locale: Locale | None = Field(None, description="the deck's language and direction; default: the content's own")
    theme: str = Field(LIGHT.name, max_length=32, description=f"one of {', '.join(THEMES)}")

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> DeckRequest:
        given = DeckInput(content=self.content, locale=self.locale, theme=self.theme)
        return DeckRequest(user_id, given, idempotency_key, request_id)
