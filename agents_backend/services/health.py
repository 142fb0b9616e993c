"""Whether the parts that this process depends on answer."""

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError
from temporalio.client import Client
from temporalio.service import RPCError

from agents_backend.db.base import Database
from agents_backend.domain.errors import Unavailable

_LIMIT_SECONDS = 1.5


class HealthService:
    def __init__(self, *, database: Database, redis: Redis, temporal: Client) -> None:
        self._checks: dict[str, Callable[[], Awaitable[object]]] = {
            "database": database.ping,
            "redis": lambda: redis.echo("healthy"),
            "temporal": temporal.service_client.check_health,
        }

    async def failing(self) -> tuple[str, ...]:
        """The parts that do not answer within 1.5 s, checked at the same time."""
        answers = await asyncio.gather(*(_answers(check) for check in self._checks.values()))
        return tuple(name for name, well in zip(self._checks, answers, strict=True) if not well)


async def _answers(check: Callable[[], Awaitable[object]]) -> bool:
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            return await check() is not False
    except (Unavailable, RedisError, RPCError, RuntimeError, OSError, TimeoutError):
        return False
