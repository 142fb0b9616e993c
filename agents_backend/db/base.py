"""The declarative base, the engine and the one way to a transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import DateTime, MetaData, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import QueuePool

from agents_backend.domain.errors import Unavailable
from agents_backend.settings import DatabaseSettings

_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012  # SQLAlchemy's own protocol


def now() -> datetime:
    return datetime.now(UTC)


class Timestamps:
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Database:
    """One process's connections to PostgreSQL. Use it as an async context manager."""

    def __init__(self, settings: DatabaseSettings, *, pool_size: int | None = None) -> None:
        if settings.url is None:
            raise ValueError("DATABASE_URL is not set")
        self.engine: AsyncEngine = create_async_engine(
            async_url(settings.url.get_secret_value()),
            pool_size=pool_size or settings.pool_size,
            max_overflow=settings.pool_overflow,
            pool_recycle=1800,
            pool_timeout=10,
            pool_use_lifo=True,
            connect_args={
                "timeout": 5,
                "command_timeout": settings.statement_timeout_seconds,
                "server_settings": {"application_name": "agents-backend", "jit": "off"},
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._alone = async_sessionmaker(alone, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends and rolls back when it raises.

        Raises:
            Unavailable: PostgreSQL cannot be reached, went away in the middle, or all connections stay in use.
        """
        async with _outages(), self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncSession]:
        """A session of which each statement stands, and is committed, by itself, which spares two round trips.

        Raises:
            Unavailable: PostgreSQL cannot be reached, or went away in the middle.
        """
        async with _outages(), self._alone() as session:
            yield session

    def connections_in_use(self) -> int:
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    async def ping(self) -> None:
        async with self.transaction() as session:
            await session.execute(text("select 1"))

    async def close(self) -> None:
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@asynccontextmanager
async def _outages() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, OSError, TimeoutError) as error:
        raise Unavailable("The database is not available now.", retry_after=2) from error
    except DBAPIError as error:
        if error.connection_invalidated or _is_shutdown(error):
            raise Unavailable("The database is not available now.", retry_after=2) from error
        raise


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    # asyncpg learns of a server that went away by itself; to ask it at each checkout would take three round trips.
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def async_url(url: str) -> str:
    """The same address for SQLAlchemy's asyncpg driver."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
        raise ValueError("DATABASE_URL must begin with postgresql://")
    return f"postgresql+asyncpg://{rest}"


_SHUTDOWN_STATES = {"57P01", "57P02", "57P03", "08000", "08003", "08006", "08001", "53300"}


def _is_shutdown(error: DBAPIError) -> bool:
    origin: Any = error.orig
    return getattr(origin, "sqlstate", None) in _SHUTDOWN_STATES
