"""All SQL about the logs of sign-ins and of operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.lists import Found, Slice, contains, order, page
from agents_backend.db.tables.logs import OperaLog
from agents_backend.db.tables.users import LoginLog

LOGIN_SORTABLE = {"id": LoginLog.id, "created_at": LoginLog.created_at, "username": LoginLog.username}
OPERA_SORTABLE = {
    "id": OperaLog.id,
    "created_at": OperaLog.created_at,
    "username": OperaLog.username,
    "status": OperaLog.status,
    "duration_ms": OperaLog.duration_ms,
}
Log = type[LoginLog] | type[OperaLog]


@dataclass(frozen=True)
class LogFilter:
    """Fields that a log does not have are not asked of it."""

    username: str | None = None
    user_id: int | None = None
    succeeded: bool | None = None
    status: int | None = None
    method: str | None = None
    path: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def _common(log: Log, wanted: LogFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.username:
        found.append(contains(log.username, wanted.username))
    if wanted.user_id is not None:
        found.append(log.user_id == wanted.user_id)
    if wanted.since is not None:
        found.append(log.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(log.created_at < wanted.until)
    return found


async def logins(session: AsyncSession, wanted: LogFilter, part: Slice) -> Found:
    conditions = _common(LoginLog, wanted)
    if wanted.succeeded is not None:
        conditions.append(LoginLog.succeeded.is_(wanted.succeeded))
    query = select(
        LoginLog.id,
        LoginLog.user_id,
        LoginLog.username,
        LoginLog.succeeded,
        LoginLog.message,
        func.host(LoginLog.address).label("address"),
        LoginLog.user_agent,
        LoginLog.browser,
        LoginLog.os,
        LoginLog.request_id,
        LoginLog.created_at,
    ).order_by(*order(part.sort, LOGIN_SORTABLE), LoginLog.id.desc())
    return await page(session, query, LoginLog, conditions, part)


async def operations(session: AsyncSession, wanted: LogFilter, part: Slice) -> Found:
    conditions = _common(OperaLog, wanted)
    if wanted.succeeded is not None:
        conditions.append(OperaLog.status < 400 if wanted.succeeded else OperaLog.status >= 400)  # noqa: PLR2004
    if wanted.status is not None:
        conditions.append(OperaLog.status == wanted.status)
    if wanted.method is not None:
        conditions.append(OperaLog.method == wanted.method)
    if wanted.path:
        conditions.append(contains(OperaLog.path, wanted.path))
    query = select(
        OperaLog.id,
        OperaLog.user_id,
        OperaLog.username,
        OperaLog.method,
        OperaLog.path,
        OperaLog.operation,
        OperaLog.status,
        OperaLog.duration_ms,
        func.host(OperaLog.address).label("address"),
        OperaLog.user_agent,
        OperaLog.browser,
        OperaLog.os,
        OperaLog.request_id,
        OperaLog.query,
        OperaLog.body,
        OperaLog.changes,
        OperaLog.created_at,
    ).order_by(*order(part.sort, OPERA_SORTABLE), OperaLog.id.desc())
    return await page(session, query, OperaLog, conditions, part)


async def add_operations(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Add entries; one that is there already, by its `entry_id`, stays as it is."""
    query = insert(OperaLog).values(list(rows))
    await session.execute(query.on_conflict_do_nothing(index_elements=["entry_id"]))


async def remove(session: AsyncSession, log: Log, ids: set[int]) -> int:
    """Delete entries; how many were there."""
    gone = await session.scalars(delete(log).where(log.id.in_(ids)).returning(log.id))
    return len(gone.all())


async def remove_before(session: AsyncSession, log: Log, before: datetime, *, limit: int | None = None) -> int:
    """Delete what is older than a time, the oldest first where there is a limit; how many there were."""
    old = log.created_at < before
    if limit is not None:
        old = log.id.in_(select(log.id).where(old).order_by(log.created_at).limit(limit))
    gone = await session.scalars(delete(log).where(old).returning(log.id))
    return len(gone.all())
