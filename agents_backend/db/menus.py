"""All SQL about menus."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.lists import Row, contains, rows
from agents_backend.db.tables.rights import Menu, Role, RoleMenu, UserRole
from agents_backend.db.trees import lock_tree
from agents_backend.domain.errors import Conflict
from agents_backend.domain.permissions import Entry
from agents_backend.domain.rights import MenuType

REFUSALS = {
    "uq_menus_name": Conflict("There is a menu of this name already.", code="MENU_NAME_TAKEN"),
    "uq_menus_permission": Conflict("Another menu carries this permission.", code="PERMISSION_TAKEN"),
    "fk_menus_parent_id_menus": Conflict("The menu has menus beneath it.", code="MENU_HAS_CHILDREN"),
}


_COLUMNS = select(*Menu.__table__.columns).order_by(Menu.sort, Menu.id)


@dataclass(frozen=True)
class MenuFilter:
    title: str | None = None
    type: str | None = None
    is_enabled: bool | None = None


async def listed(session: AsyncSession, wanted: MenuFilter) -> list[Row]:
    query = _COLUMNS
    if wanted.title:
        query = query.where(or_(contains(Menu.title, wanted.title), contains(Menu.name, wanted.title)))
    if wanted.type is not None:
        query = query.where(Menu.type == wanted.type)
    if wanted.is_enabled is not None:
        query = query.where(Menu.is_enabled.is_(wanted.is_enabled))
    return await rows(session, query)


async def shown(session: AsyncSession) -> list[Row]:
    """The directories and pages that a sidebar may show."""
    return await rows(session, _COLUMNS.where(Menu.type != MenuType.BUTTON, Menu.is_enabled, Menu.is_visible))


async def granted(session: AsyncSession, user_id: int) -> set[int]:
    """The ids of the menus that a user's enabled roles have."""
    query = (
        select(RoleMenu.menu_id)
        .join(Role, Role.id == RoleMenu.role_id)
        .join(UserRole, UserRole.role_id == Role.id)
        .where(UserRole.user_id == user_id, Role.is_enabled)
    )
    return set((await session.scalars(query)).all())


async def known(session: AsyncSession, menu_ids: set[int]) -> Sequence[Menu]:
    if not menu_ids:
        return []
    return (await session.scalars(select(Menu).where(Menu.id.in_(menu_ids)).order_by(Menu.sort, Menu.id))).all()


async def of_role(session: AsyncSession, role_id: int) -> list[Row]:
    query = _COLUMNS.join(RoleMenu, RoleMenu.menu_id == Menu.id).where(RoleMenu.role_id == role_id)
    return await rows(session, query)


async def lock(session: AsyncSession) -> dict[int, int | None]:
    """Let nobody else move or delete menus until the transaction ends; the parent of each."""
    return await lock_tree(session, Menu)


async def by_id(session: AsyncSession, menu_id: int) -> Menu | None:
    return await session.get(Menu, menu_id)


async def locked(session: AsyncSession, menu_id: int) -> Menu | None:
    return await session.get(Menu, menu_id, with_for_update=True)


async def add(session: AsyncSession, menu: Menu) -> None:
    session.add(menu)
    await session.flush()


async def has_children(session: AsyncSession, menu_id: int) -> bool:
    return bool(await session.scalar(select(exists().where(Menu.parent_id == menu_id))))


async def remove(session: AsyncSession, menu_id: int) -> None:
    await session.execute(delete(Menu).where(Menu.id == menu_id))


async def ensure(session: AsyncSession, entry: Entry, parent_id: int | None, sort: int) -> tuple[int, bool]:
    """The id of the menu that stands for an entry of the catalogue, and whether it was made now; what people changed stays."""
    values = {
        "parent_id": parent_id,
        "type": entry.type,
        "name": entry.name,
        "title": entry.title,
        "path": entry.path,
        "icon": entry.icon,
        "component": "",
        "remark": "",
        "permission": entry.permission,
        "sort": sort,
        "is_visible": True,
        "is_enabled": True,
        "created_at": now(),
        "updated_at": now(),
    }
    made = await session.scalar(insert(Menu).values(values).on_conflict_do_nothing().returning(Menu.id))
    if made is not None:
        return made, True
    same = Menu.name == entry.name
    found = await session.scalar(
        select(Menu.id).where(or_(same, Menu.permission == entry.permission) if entry.permission else same).limit(1)
    )
    return found or 0, False
