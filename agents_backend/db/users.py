"""All SQL about people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.lists import Found, Slice, contains, order, page
from agents_backend.db.tables.rights import Dept, Role, UserRole
from agents_backend.db.tables.users import User
from agents_backend.domain.errors import Conflict
from agents_backend.domain.rights import DataScope, Reach

SORTABLE = {
    "id": User.id,
    "username": User.username,
    "nickname": User.nickname,
    "created_at": User.created_at,
    "last_login_at": User.last_login_at,
    "is_enabled": User.is_enabled,
}
REFUSALS = {
    "uq_users_username": Conflict("There is a user of this name already.", code="USERNAME_TAKEN"),
    "fk_users_dept_id_depts": Conflict("The department is gone.", code="DEPT_GONE"),
    "fk_user_roles_role_id_roles": Conflict("A role is gone.", code="ROLE_GONE"),
}


@dataclass(frozen=True)
class UserFilter:
    keyword: str | None = None
    dept_id: int | None = None
    role_id: int | None = None
    is_enabled: bool | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


def below(dept_id: int) -> Select[tuple[int]]:
    """The ids of a department and of all beneath it."""
    tree = select(Dept.id).where(Dept.id == dept_id).cte("below", recursive=True)
    tree = tree.union(select(Dept.id).where(Dept.parent_id == tree.c.id))
    return select(tree.c.id)


def departed() -> Select[int]:
    """The ids of those who were deleted: their rows stay for the logs, what is theirs alone does not."""
    return select(User.id).where(User.deleted_at.is_not(None))


def visible(reach: Reach) -> ColumnElement[bool]:
    """The condition that a row of `users` is within somebody's reach."""
    mine = User.id == reach.user_id
    if reach.scope is DataScope.ALL:
        return User.id.is_not(None)
    if reach.scope is DataScope.SELF or reach.dept_id is None:
        return mine
    if reach.scope is DataScope.DEPT:
        return or_(mine, User.dept_id == reach.dept_id)
    return or_(mine, User.dept_id.in_(below(reach.dept_id)))


_ROLES = (
    select(
        func.coalesce(
            func.json_agg(aggregate_order_by(func.json_build_object("id", Role.id, "name", Role.name), Role.id)),
            func.json_build_array(),
        )
    )
    .select_from(UserRole)
    .join(Role, Role.id == UserRole.role_id)
    .where(UserRole.user_id == User.id)
    .correlate(User)
    .scalar_subquery()
)
_QUERY = select(
    User.id,
    User.username,
    User.nickname,
    User.email,
    User.phone,
    User.avatar,
    User.dept_id,
    Dept.name.label("dept_name"),
    User.is_superuser,
    User.is_enabled,
    User.last_login_at,
    User.created_at,
    User.updated_at,
    _ROLES.label("roles"),
).outerjoin(Dept, Dept.id == User.dept_id)


async def listed(session: AsyncSession, reach: Reach, wanted: UserFilter, part: Slice) -> Found:
    conditions = [User.deleted_at.is_(None), visible(reach), *_matching(wanted)]
    query = _QUERY.order_by(*order(part.sort, SORTABLE), User.id)
    return await page(session, query, User, conditions, part)


def _matching(wanted: UserFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.keyword:
        columns = (User.username, User.nickname, User.email, User.phone)
        found.append(or_(*(contains(column, wanted.keyword) for column in columns)))
    if wanted.dept_id is not None:
        found.append(User.dept_id.in_(below(wanted.dept_id)))
    if wanted.role_id is not None:
        found.append(exists().where(UserRole.user_id == User.id, UserRole.role_id == wanted.role_id))
    if wanted.is_enabled is not None:
        found.append(User.is_enabled.is_(wanted.is_enabled))
    if wanted.created_from is not None:
        found.append(User.created_at >= wanted.created_from)
    if wanted.created_to is not None:
        found.append(User.created_at < wanted.created_to)
    return found


async def view(session: AsyncSession, user_id: int, reach: Reach) -> Mapping[str, Any] | None:
    """One person as lists show them, if they are within reach."""
    query = _QUERY.where(User.id == user_id, User.deleted_at.is_(None), visible(reach))
    row = (await session.execute(query)).mappings().first()
    return dict(row) if row else None


async def locked(session: AsyncSession, user_id: int, reach: Reach) -> User | None:
    """The row, kept from other writers until the transaction ends."""
    query = select(User).where(User.id == user_id, User.deleted_at.is_(None), visible(reach))
    return await session.scalar(query.with_for_update(of=User))


async def other_superusers(session: AsyncSession, user_id: int) -> bool:
    """Whether somebody else can act as a superuser. Two that remove each other are asked one after the other."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("superusers"))))
    query = select(exists().where(User.is_superuser, User.is_enabled, User.deleted_at.is_(None), User.id != user_id))
    return bool(await session.scalar(query))


async def by_username(session: AsyncSession, username: str) -> User | None:
    query = select(User).where(func.lower(User.username) == username.lower(), User.deleted_at.is_(None))
    return await session.scalar(query)


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


async def role_ids(session: AsyncSession, user_id: int) -> set[int]:
    return set((await session.scalars(select(UserRole.role_id).where(UserRole.user_id == user_id))).all())


async def set_roles(session: AsyncSession, user_id: int, wanted: set[int]) -> None:
    """Make these the user's roles."""
    held = await role_ids(session, user_id)
    if held == wanted:
        return
    await session.execute(update(User).where(User.id == user_id).values(roles_changed_at=now()))
    if gone := held - wanted:
        await session.execute(delete(UserRole).where(UserRole.user_id == user_id, UserRole.role_id.in_(gone)))
    if new := wanted - held:
        rows = [{"user_id": user_id, "role_id": role_id} for role_id in sorted(new)]
        await session.execute(insert(UserRole).values(rows).on_conflict_do_nothing())


async def signed_in(session: AsyncSession, user_id: int) -> None:
    await session.execute(
        update(User).where(User.id == user_id).values(last_login_at=now(), updated_at=User.updated_at)
    )


async def dept_in_reach(session: AsyncSession, dept_id: int, reach: Reach) -> bool:
    """Whether somebody may put people into a department."""
    if reach.scope is DataScope.ALL:
        return await session.scalar(select(Dept.id).where(Dept.id == dept_id)) is not None
    if reach.dept_id is None or reach.scope is DataScope.SELF:
        return False
    if reach.scope is DataScope.DEPT:
        return dept_id == reach.dept_id
    query = select(Dept.id).where(Dept.id == dept_id, Dept.id.in_(below(reach.dept_id)))
    return await session.scalar(query) is not None
