"""What PostgreSQL refuses becomes an error of the tree, by the name of the constraint."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.domain.errors import AgentsError


@asynccontextmanager
async def refusals(session: AsyncSession, errors: Mapping[str, AgentsError]) -> AsyncIterator[None]:
    """Flush at the end of the block; a violation of a named constraint raises its error."""
    try:
        yield
        await session.flush()
    except IntegrityError as error:
        if (known := errors.get(_constraint(error))) is None:
            raise
        raise known from error


def _constraint(error: IntegrityError) -> str:
    origin: Any = error.orig
    return str(getattr(getattr(origin, "__cause__", None), "constraint_name", ""))
