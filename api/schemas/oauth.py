"""Signing in with GitHub and Google."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.integrations.oauth import Provider
from agents_backend.services.oauth import Returned

ProviderName = Literal["github", "google"]
_CODE = Annotated[str, StringConstraints(max_length=2048, pattern=r"^[\x20-\x7e]*$")]


class CallbackQuery(BaseModel):
    """What providers send a browser back with; they add parameters of their own, which say nothing to us."""

    code: _CODE = ""
    state: Annotated[str, StringConstraints(max_length=128)] = ""
    error: Annotated[str, StringConstraints(max_length=128)] = ""
    iss: Annotated[str, StringConstraints(max_length=512)] = Field("", description="the provider's name (RFC 9207)")

    def returned(self) -> Returned:
        return Returned(state=self.state, code=self.code, error=self.error, issuer=self.iss)


class AuthorizeView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"url": "https://github.com/login/oauth/authorize?response_type=code&…"}}
    )

    url: str = Field(description="where the browser goes; it must be the one that got this answer's cookie")


class ProviderView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: ProviderName
    title: str


class ProvidersView(BaseModel):
    providers: list[ProviderView]

    @classmethod
    def of(cls, found: list[Provider]) -> Self:
        return cls(providers=[ProviderView.model_validate(provider) for provider in found])


class LinkView(BaseModel):
    """An account that opens a user."""

    model_config = ConfigDict(from_attributes=True)

    provider: ProviderName
    login: str = Field(description="what it is called there, as last seen")
    created_at: datetime
    last_used_at: datetime | None
