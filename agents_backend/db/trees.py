"""What departments and menus have in common: each row may have a parent."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.tables.rights import Dept, Menu

Tree = type[Dept] | type[Menu]


async def lock_tree(session: AsyncSession, table: Tree) -> dict[int, int | None]:
    """The parent of each row; nobody else changes the tree's shape until the transaction ends.

    Two moves, each harmless, can make a circle together.
    """
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"tree:{table.__tablename__}"))))
    rows = (await session.execute(select(table.id, table.parent_id))).all()
    return {row[0]: row[1] for row in rows}
