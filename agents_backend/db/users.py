"""All SQL about people and their sign-ins."""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.users import AuthSession, LoginLog, User


async def by_username(session: AsyncSession, username: str) -> User | None:
    return await session.scalar(select(User).where(User.username == username, User.deleted_at.is_(None)))


async def add_superuser(session: AsyncSession, username: str, password_hash: str) -> bool:
    """Add it unless the name is taken; True if added."""
    values = {
        "username": username,
        "nickname": "Administrator",
        "password_hash": password_hash,
        "is_superuser": True,
        "is_enabled": True,
        "created_at": now(),
        "updated_at": now(),
    }
    added = await session.scalar(insert(User).values(values).on_conflict_do_nothing().returning(User.id))
    return added is not None


async def superusers(session: AsyncSession) -> int:
    count = select(func.count()).select_from(User).where(User.is_superuser, User.deleted_at.is_(None))
    return await session.scalar(count) or 0


def _live() -> tuple[ColumnElement[bool], ...]:
    return (
        AuthSession.revoked_at.is_(None),
        AuthSession.expires_at > now(),
        User.is_enabled.is_(True),
        User.deleted_at.is_(None),
    )


async def live(session: AsyncSession, session_id: uuid.UUID) -> User | None:
    """The user of a session that is neither revoked nor expired, if that user may sign in."""
    query = select(User).join(AuthSession, AuthSession.user_id == User.id).where(AuthSession.id == session_id, *_live())
    return await session.scalar(query)


async def live_sessions(session: AsyncSession, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the sessions that are neither revoked nor expired, and whose users may sign in."""
    return set(
        (await session.scalars(select(AuthSession.id).where(AuthSession.id.in_(ids), *_live()).join(User))).all()
    )


async def rotate(session: AsyncSession, session_id: uuid.UUID, old: str, new: str, expires_at: datetime) -> bool:
    """Replace the refresh hash; of many at once exactly one is answered True."""
    statement = (
        update(AuthSession)
        .where(
            AuthSession.id == session_id,
            AuthSession.refresh_hash == old,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now(),
        )
        .values(refresh_hash=new, refreshed_at=now(), expires_at=expires_at)
        .returning(AuthSession.id)
    )
    return await session.scalar(statement) is not None


async def revoke(session: AsyncSession, session_id: uuid.UUID, reason: str) -> None:
    await session.execute(
        update(AuthSession)
        .where(AuthSession.id == session_id, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now(), revoked_reason=reason)
    )


def add_login(session: AsyncSession, log: LoginLog) -> None:
    session.add(log)
