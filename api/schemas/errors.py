"""The one error body."""

from pydantic import BaseModel


class FieldError(BaseModel):
    loc: list[str | int]
    msg: str
    type: str


class ErrorView(BaseModel):
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None
