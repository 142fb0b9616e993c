"""All SQL about sign-ins: the sessions, who acts in one and with which rights, and the log of attempts."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.lists import Found, Slice, contains, order, page, rows
from agents_backend.db.tables.rights import Dept, Menu, Role, RoleMenu, UserRole
from agents_backend.db.tables.users import AuthSession, LoginLog, User
from agents_backend.db.users import visible
from agents_backend.domain.rights import Reach

SORTABLE = {
    "created_at": AuthSession.created_at,
    "refreshed_at": AuthSession.refreshed_at,
    "expires_at": AuthSession.expires_at,
}


@dataclass(frozen=True)
class SessionFilter:
    keyword: str | None = None
    user_id: int | None = None


def _open() -> tuple[ColumnElement[bool], ...]:
    return AuthSession.revoked_at.is_(None), AuthSession.expires_at > now()


_HELD = (
    select(
        func.json_agg(
            aggregate_order_by(
                func.json_build_object("id", Role.id, "name", Role.name, "data_scope", Role.data_scope), Role.id
            )
        )
    )
    .select_from(UserRole)
    .join(Role, Role.id == UserRole.role_id)
    .where(UserRole.user_id == User.id, Role.is_enabled)
    .correlate(User)
    .scalar_subquery()
)
_ALLOWED = (
    select(func.array_agg(Menu.permission.distinct()))
    .select_from(UserRole)
    .join(Role, Role.id == UserRole.role_id)
    .join(RoleMenu, RoleMenu.role_id == Role.id)
    .join(Menu, Menu.id == RoleMenu.menu_id)
    .where(UserRole.user_id == User.id, Role.is_enabled, Menu.is_enabled, Menu.permission.is_not(None))
    .correlate(User)
    .scalar_subquery()
)
_ACTOR = (
    select(
        User.id,
        User.username,
        User.nickname,
        User.email,
        User.phone,
        User.avatar,
        User.dept_id,
        Dept.name.label("dept_name"),
        User.is_superuser,
        _HELD.label("roles"),
        _ALLOWED.label("permissions"),
    )
    .select_from(AuthSession)
    .join(User, User.id == AuthSession.user_id)
    .outerjoin(Dept, Dept.id == User.dept_id)
    .where(User.is_enabled, User.deleted_at.is_(None))
)


async def actor(session: AsyncSession, session_id: uuid.UUID) -> Mapping[str, Any] | None:
    """Who acts in a session and all that they may do, in one statement; None when it is revoked or expired, or they may not sign in."""
    found = await rows(session, _ACTOR.where(AuthSession.id == session_id, *_open()))
    return found[0] if found else None


async def holds(session: AsyncSession, user_id: int, permission: str) -> bool:
    """Whether somebody may sign in and holds a permission, whatever their sessions."""
    query = select(User.is_superuser, _ALLOWED).where(User.id == user_id, User.is_enabled, User.deleted_at.is_(None))
    found = (await session.execute(query)).one_or_none()
    return found is not None and (found[0] or permission in (found[1] or ()))


async def live_sessions(session: AsyncSession, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime | None]:
    """Those of the sessions that live and whose users may sign in, each with when the user's roles were changed last."""
    query = (
        select(AuthSession.id, User.roles_changed_at)
        .join(User, User.id == AuthSession.user_id)
        .where(AuthSession.id.in_(ids), *_open(), User.is_enabled, User.deleted_at.is_(None))
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def locked(session: AsyncSession, session_id: uuid.UUID) -> tuple[AuthSession, User] | None:
    """A session that lives and its user, kept from other writers until the transaction ends."""
    query = (
        select(AuthSession, User)
        .join(User, User.id == AuthSession.user_id)
        .where(AuthSession.id == session_id, *_open(), User.is_enabled, User.deleted_at.is_(None))
        .with_for_update(of=AuthSession)
    )
    row = (await session.execute(query)).first()
    return (row[0], row[1]) if row else None


async def revoke(session: AsyncSession, session_id: uuid.UUID, reason: str) -> bool:
    """End one session; False when it has ended already."""
    query = update(AuthSession).where(AuthSession.id == session_id, AuthSession.revoked_at.is_(None))
    query = query.values(revoked_at=now(), revoked_reason=reason)
    return await session.scalar(query.returning(AuthSession.id)) is not None


async def revoke_all(session: AsyncSession, user_id: int, reason: str) -> None:
    query = update(AuthSession).where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None))
    await session.execute(query.values(revoked_at=now(), revoked_reason=reason))


async def listed(session: AsyncSession, reach: Reach, wanted: SessionFilter, part: Slice) -> Found:
    """The sessions that live, of the people within reach."""
    people = select(User.id).where(User.deleted_at.is_(None), User.is_enabled, visible(reach))
    if wanted.keyword:
        people = people.where(or_(contains(User.username, wanted.keyword), contains(User.nickname, wanted.keyword)))
    conditions = [*_open(), AuthSession.user_id.in_(people)]
    if wanted.user_id is not None:
        conditions.append(AuthSession.user_id == wanted.user_id)
    query = select(
        AuthSession.id,
        AuthSession.user_id,
        User.username,
        User.nickname,
        func.host(AuthSession.address).label("address"),
        AuthSession.user_agent,
        AuthSession.created_at,
        AuthSession.refreshed_at,
        AuthSession.expires_at,
    ).join(User, User.id == AuthSession.user_id)
    sorting = order(part.sort, SORTABLE) or [AuthSession.refreshed_at.desc()]
    return await page(session, query.order_by(*sorting, AuthSession.id), AuthSession, conditions, part)


async def owner(session: AsyncSession, session_id: uuid.UUID, reach: Reach) -> Mapping[str, Any] | None:
    """Whose living session it is, if they are within reach."""
    query = (
        select(User.id, User.username, User.is_superuser)
        .join(AuthSession, AuthSession.user_id == User.id)
        .where(AuthSession.id == session_id, *_open(), visible(reach))
    )
    row = (await session.execute(query)).mappings().first()
    return dict(row) if row else None


def add_login(session: AsyncSession, log: LoginLog) -> None:
    session.add(log)


async def forget_ended(session: AsyncSession, before: datetime, *, limit: int) -> int:
    """Delete sessions that ended before a time; how many."""
    ended = or_(AuthSession.expires_at < before, AuthSession.revoked_at < before)
    ids = select(AuthSession.id).where(ended).limit(limit)
    gone = await session.scalars(delete(AuthSession).where(AuthSession.id.in_(ids)).returning(AuthSession.id))
    return len(gone.all())
