"""Signing in."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agents_backend.services.auth import Credentials
from api.schemas.fields import Body


class LoginBody(Body):
    username: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")
    password: str = Field(min_length=1, max_length=256)
    captcha_id: str | None = Field(None, max_length=64, pattern=r"^[^\x00]*$")
    captcha_code: str | None = Field(None, max_length=16)

    def credentials(self) -> Credentials:
        return Credentials(**self.model_dump())


class RefreshBody(Body):
    refresh_token: str | None = Field(None, max_length=256)


class UserView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    username: str
    nickname: str


class TokenView(BaseModel):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # not a secret
    expires_in: int
    refresh_token: str
    user: UserView


class CaptchaView(BaseModel):
    captcha_id: str
    image: str
    expires_in: int
