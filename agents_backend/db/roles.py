"""All SQL about roles and what they allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.lists import Found, Slice, contains, order, page
from agents_backend.db.tables.rights import Menu, Role, RoleMenu, UserRole
from agents_backend.domain.errors import Conflict

SORTABLE = {"id": Role.id, "name": Role.name, "created_at": Role.created_at, "is_enabled": Role.is_enabled}
REFUSALS = {
    "uq_roles_name": Conflict("There is a role of this name already.", code="ROLE_NAME_TAKEN"),
    "fk_user_roles_role_id_roles": Conflict("The role is somebody's.", code="ROLE_IN_USE"),
    "fk_role_menus_menu_id_menus": Conflict("A menu is gone.", code="MENU_GONE"),
}
_COLUMNS = (Role.id, Role.name, Role.data_scope, Role.is_enabled, Role.remark, Role.created_at, Role.updated_at)


@dataclass(frozen=True)
class RoleFilter:
    name: str | None = None
    is_enabled: bool | None = None


async def listed(session: AsyncSession, wanted: RoleFilter, part: Slice) -> Found:
    conditions: list[ColumnElement[bool]] = []
    if wanted.name:
        conditions.append(contains(Role.name, wanted.name))
    if wanted.is_enabled is not None:
        conditions.append(Role.is_enabled.is_(wanted.is_enabled))
    return await page(session, select(*_COLUMNS).order_by(*order(part.sort, SORTABLE), Role.id), Role, conditions, part)


async def every(session: AsyncSession) -> list[Mapping[str, Any]]:
    """All roles by id and name, for a form to choose from."""
    rows = await session.execute(select(Role.id, Role.name, Role.is_enabled).order_by(Role.name, Role.id))
    return [dict(row) for row in rows.mappings()]


async def locked(session: AsyncSession, role_id: int) -> Role | None:
    return await session.get(Role, role_id, with_for_update=True)


async def by_id(session: AsyncSession, role_id: int) -> Role | None:
    return await session.get(Role, role_id)


async def add(session: AsyncSession, role: Role) -> None:
    session.add(role)
    await session.flush()


async def remove(session: AsyncSession, role_id: int) -> None:
    await session.execute(delete(Role).where(Role.id == role_id))


async def holders(session: AsyncSession, role_id: int) -> int:
    return await session.scalar(select(func.count()).select_from(UserRole).where(UserRole.role_id == role_id)) or 0


async def known(session: AsyncSession, role_ids: set[int]) -> Sequence[Role]:
    if not role_ids:
        return []
    return (await session.scalars(select(Role).where(Role.id.in_(role_ids)))).all()


async def menu_ids(session: AsyncSession, role_id: int) -> set[int]:
    return set((await session.scalars(select(RoleMenu.menu_id).where(RoleMenu.role_id == role_id))).all())


async def permissions_of(session: AsyncSession, role_ids: set[int]) -> set[str]:
    """All that these roles allow, or would if they were enabled."""
    if not role_ids:
        return set()
    query = select(Menu.permission).join(RoleMenu, RoleMenu.menu_id == Menu.id).where(RoleMenu.role_id.in_(role_ids))
    return {found for found in (await session.scalars(query)).all() if found is not None}


async def set_menus(session: AsyncSession, role_id: int, wanted: set[int]) -> None:
    """Make these the role's menus."""
    held = await menu_ids(session, role_id)
    if gone := held - wanted:
        await session.execute(delete(RoleMenu).where(RoleMenu.role_id == role_id, RoleMenu.menu_id.in_(gone)))
    if new := wanted - held:
        rows = [{"role_id": role_id, "menu_id": menu_id} for menu_id in sorted(new)]
        await session.execute(insert(RoleMenu).values(rows).on_conflict_do_nothing())


async def by_name(session: AsyncSession, name: str) -> Role | None:
    return await session.scalar(select(Role).where(func.lower(Role.name) == name.lower()))


async def any_at_all(session: AsyncSession) -> bool:
    return await session.scalar(select(Role.id).limit(1)) is not None
