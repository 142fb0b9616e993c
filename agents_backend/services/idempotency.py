"""The same Idempotency-Key with the same body gives the thing that it gave before."""

import hashlib
import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.runs import RunRepository
from agents_backend.domain.errors import IdempotencyMismatch


async def claim(session: AsyncSession, user_id: int, key: str | None, *, operation: str, body: Any, wanted: str) -> str:
    """The id to make: `wanted`, or the one that an earlier request with this key and body made.

    Raises:
        IdempotencyMismatch: the key was used for something else.
    """
    if key is None:
        return wanted
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    found = await RunRepository(session).claim_key(user_id, key, operation, digest, wanted)
    if (found.body_hash, found.operation) != (digest, operation):
        raise IdempotencyMismatch
    return found.result_id


async def release(session: AsyncSession, user_id: int, key: str | None) -> None:
    """Nothing was made: the key is free again."""
    if key is not None:
        await RunRepository(session).release_key(user_id, key)
