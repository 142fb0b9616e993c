"""Prose and better prompts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from agents_backend.domain.prose import ProseOption, ReportStyle
from agents_backend.services.prose import ProseRequest
from api.schemas.runs import Body

_TEXT = r"^[^\x00]*$"
_SIZE = "200 kB at most; more is a 413"


class ProseBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"prompt": "Text to process", "option": "improve", "command": ""}}
    )

    prompt: str = Field(min_length=1, pattern=_TEXT, description=_SIZE)
    option: ProseOption
    command: str = Field("", max_length=4_000, pattern=_TEXT, description="required by `zap`; a wish for the others")

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> ProseRequest:
        return ProseRequest(
            user_id=user_id,
            prompt=self.prompt,
            option=self.option,
            command=self.command,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )


class EnhanceBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"prompt": "Write about AI", "context": "", "report_style": "academic"}},
    )

    prompt: str = Field(min_length=1, pattern=_TEXT, description=_SIZE)
    context: str = Field("", max_length=50_000, pattern=_TEXT)
    report_style: ReportStyle | None = None

    @field_validator("context", mode="before")
    @classmethod
    def _no_context(cls, value: object) -> object:
        return "" if value is None else value

    @field_validator("report_style", mode="before")
    @classmethod
    def _any_spelling(cls, value: object) -> object:
        """`POPULAR_SCIENCE`, `popular-science` and `popular science` are the same style."""
        return value.strip().lower().replace("-", "_").replace(" ", "_") if isinstance(value, str) else value

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> ProseRequest:
        return ProseRequest(
            user_id=user_id,
            prompt=self.prompt,
            context=self.context,
            style=self.report_style,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )


class TextView(BaseModel):
    """The text; `method` is `structure` where no model is configured and rules made it."""

    result: str
    method: Literal["model", "structure"]
