"""Refresh tokens: the id of a session and a secret. The row keeps the secret's digest, and that of the one before it."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

from agents_backend.db.base import now
from agents_backend.db.tables.users import AuthSession
from agents_backend.domain.errors import Unauthenticated


def new_token(session_id: uuid.UUID) -> str:
    return f"{session_id}.{secrets.token_urlsafe(32)}"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def session_of(token: str) -> uuid.UUID:
    """The session of a token.

    Raises:
        Unauthenticated: it names none.
    """
    try:
        return uuid.UUID(token.partition(".")[0])
    except ValueError as error:
        raise Unauthenticated from error


def is_current(row: AuthSession, token: str) -> bool:
    return secrets.compare_digest(row.refresh_hash, digest(token))


def rotate(row: AuthSession, token: str, fresh: str, *, seconds: int) -> bool:
    """Put a fresh token in the place of the one that is shown, if that is the session's, for `seconds`."""
    if not is_current(row, token):
        return False
    row.previous_hash, row.refresh_hash = row.refresh_hash, digest(fresh)
    row.refreshed_at = now()
    row.expires_at = row.refreshed_at + timedelta(seconds=seconds)
    return True


def lost_a_race(row: AuthSession, token: str, asked_at: datetime, *, grace_seconds: float) -> bool:
    """Whether it was replaced only after it had been shown here, or so shortly before that it makes no difference."""
    replaced = row.refreshed_at + timedelta(seconds=grace_seconds)
    return replaced > asked_at and row.previous_hash == digest(token)
