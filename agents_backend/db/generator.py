"""All SQL about the descriptions of tables."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.lists import Found, Slice, contains, order, page
from agents_backend.db.tables.generator import GeneratedTable
from agents_backend.domain.errors import Conflict

SORTABLE = {
    "id": GeneratedTable.id,
    "table_name": GeneratedTable.table_name,
    "app_name": GeneratedTable.app_name,
    "created_at": GeneratedTable.created_at,
    "updated_at": GeneratedTable.updated_at,
}
REFUSALS = {
    "uq_generated_tables_table_name": Conflict("This table is described already.", code="TABLE_NAME_TAKEN"),
}


@dataclass(frozen=True)
class GeneratorFilter:
    table_name: str | None = None
    app_name: str | None = None


async def listed(session: AsyncSession, wanted: GeneratorFilter, part: Slice) -> Found:
    conditions: list[ColumnElement[bool]] = []
    if wanted.table_name:
        conditions.append(contains(GeneratedTable.table_name, wanted.table_name))
    if wanted.app_name:
        conditions.append(contains(GeneratedTable.app_name, wanted.app_name))
    query = select(*GeneratedTable.__table__.columns).order_by(*order(part.sort, SORTABLE), GeneratedTable.id)
    return await page(session, query, GeneratedTable, conditions, part)


async def by_id(session: AsyncSession, table_id: int) -> GeneratedTable | None:
    return await session.get(GeneratedTable, table_id)


async def locked(session: AsyncSession, table_id: int) -> GeneratedTable | None:
    return await session.get(GeneratedTable, table_id, with_for_update=True)


async def add(session: AsyncSession, row: GeneratedTable) -> None:
    session.add(row)
    await session.flush()


async def remove(session: AsyncSession, table_id: int) -> None:
    await session.execute(delete(GeneratedTable).where(GeneratedTable.id == table_id))
