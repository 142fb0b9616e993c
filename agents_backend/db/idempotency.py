"""One creation for each Idempotency-Key, for rows that are made within one transaction."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.runs import KEY_LIFETIME, RunRepository, kept_as
from agents_backend.db.tables.runs import IdempotencyKey
from agents_backend.domain.errors import IdempotencyMismatch


@dataclass(frozen=True)
class Once:
    """What makes two requests the same: the caller, the key, the operation and the body. Without a key none are."""

    user_id: int
    key: str | None
    operation: str
    body: Any = None


def digest_of(body: Any) -> str:
    """What tells two requests with one Idempotency-Key apart."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


async def once(session: AsyncSession, request: Once, create: Callable[[], Awaitable[int]]) -> tuple[int, bool]:
    """The id of what the request makes, and whether it was made now; requests with one key wait for each other.

    Raises:
        IdempotencyMismatch: the key was used within 24 hours for another operation or body.
    """
    if request.key is None:
        return await create(), True
    digest = digest_of(request.body)
    lock = func.hashtextextended(f"idempotency:{request.user_id}:{request.key}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    kept = await session.get(IdempotencyKey, (request.user_id, kept_as(request.key)))
    if kept is not None and kept.created_at > now() - KEY_LIFETIME:
        if (kept.operation, kept.body_hash) != (request.operation, digest):
            raise IdempotencyMismatch
        return int(kept.result_id), False
    made = await create()
    await RunRepository(session).claim_key(request.user_id, request.key, request.operation, digest, str(made))
    return made, True
