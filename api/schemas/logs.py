"""Entries of the logs."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class LoginLogView(BaseModel):
    id: int
    user_id: int | None
    username: str
    succeeded: bool
    message: str
    address: str | None
    user_agent: str
    browser: str
    os: str
    request_id: str
    created_at: datetime


class Change(BaseModel):
    """The fields of a row that a request changed; `before` is null where it was made, `after` where it was deleted."""

    thing: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class OperaLogView(BaseModel):
    id: int
    user_id: int
    username: str
    method: str
    path: str
    operation: str
    status: int
    duration_ms: float
    address: str | None
    user_agent: str
    browser: str
    os: str
    request_id: str
    query: str
    body: Any
    changes: list[Change]
    created_at: datetime
