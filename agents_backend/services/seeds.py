"""What a first start makes, and every later one completes: the administrator, the menus of this version, two roles."""

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import menus, roles
from agents_backend.db.base import Database
from agents_backend.db.tables.rights import Role
from agents_backend.domain.permissions import CATALOG, Entry
from agents_backend.domain.rights import DataScope
from agents_backend.services.administrator import ensure_administrator
from agents_backend.settings import Settings

ADMINISTRATOR, USER = "administrator", "user"


async def seed(database: Database, settings: Settings) -> str | None:
    """Make what is missing and leave what people changed; the administrator's generated password, once."""
    await ensure_rights(database)
    return await ensure_administrator(database, settings)


async def ensure_rights(database: Database) -> None:
    """The menu tree with a button for every permission; the role `administrator` gets each menu when it is first made."""
    async with database.transaction() as session:
        await menus.lock(session)
        made = await _grow(session, CATALOG, None)
        administrator = await roles.by_name(session, ADMINISTRATOR)
        if administrator is None and not await roles.any_at_all(session):
            administrator = Role(name=ADMINISTRATOR, data_scope=DataScope.ALL, is_enabled=True, remark="Everything.")
            await roles.add(session, administrator)
            await roles.add(session, Role(name=USER, data_scope=DataScope.SELF, is_enabled=True, remark="No menus."))
        if administrator is not None:  # renamed or deleted, it is left alone
            await roles.set_menus(session, administrator.id, await roles.menu_ids(session, administrator.id) | made)


async def _grow(session: AsyncSession, entries: tuple[Entry, ...], parent_id: int | None) -> set[int]:
    made: set[int] = set()
    for sort, entry in enumerate(entries):
        menu_id, is_new = await menus.ensure(session, entry, parent_id, sort)
        made |= {menu_id} if is_new else set()
        made |= await _grow(session, entry.children, menu_id)
    return made
