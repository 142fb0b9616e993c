"""The same Idempotency-Key with the same body gives the thing that it gave before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.idempotency import digest_of
from agents_backend.db.runs import RunRepository
from agents_backend.domain.errors import IdempotencyGone, IdempotencyMismatch, NotFound


async def claim(session: AsyncSession, user_id: int, key: str | None, *, operation: str, body: Any, wanted: str) -> str:
    """The id to make: `wanted`, or the one that an earlier request with this key and body made.

    Raises:
        IdempotencyMismatch: the key was used for something else.
    """
    if key is None:
        return wanted
    digest = digest_of(body)
    found = await RunRepository(session).claim_key(user_id, key, operation, digest, wanted)
    if (found.body_hash, found.operation) != (digest, operation):
        raise IdempotencyMismatch
    return found.result_id


@contextmanager
def reading_what_was_made() -> Iterator[None]:
    """Around the read of what a creation, or an earlier one with its key, has made.

    Raises:
        IdempotencyGone: it was deleted since.
    """
    try:
        yield
    except NotFound as error:
        raise IdempotencyGone from error


async def release(session: AsyncSession, user_id: int, key: str | None) -> None:
    """Nothing was made: the key is free again."""
    if key is not None:
        await RunRepository(session).release_key(user_id, key)
