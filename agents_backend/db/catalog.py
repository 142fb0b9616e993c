"""What PostgreSQL says of the tables that stand in the database and are none of this server's own."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import agents_backend.db.tables  # noqa: F401  # fills the metadata
from agents_backend.db.base import Base
from agents_backend.db.lists import Row

_OWN = ("alembic_version",)
_TABLES = text("""
    SELECT c.relname AS name, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL(:own)
        AND (CAST(:name AS text) IS NULL OR c.relname = CAST(:name AS text))
    ORDER BY c.relname LIMIT 1000
""")
_COLUMNS = text("""
    SELECT a.attname AS name, a.atttypid::regtype::text AS type, a.atttypmod AS modifier, NOT a.attnotnull AS nullable,
        coalesce(col_description(c.oid, a.attnum), '') AS comment, a.attgenerated <> '' AS is_generated,
        k.name AS key_name, coalesce(k.is_unique, false) AS is_unique,
        EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey)) AS is_key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN LATERAL (
        SELECT x.relname AS name, i.indisunique AS is_unique
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        WHERE i.indrelid = c.oid AND i.indnatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL AND m.amname = 'btree'
        ORDER BY i.indisunique DESC, x.relname LIMIT 1
    ) k ON true
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname = :name
        AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
""")


@dataclass(frozen=True)
class LiveColumn:
    """A column as PostgreSQL has it.

    `modifier` is its `atttypmod`, which holds lengths and precisions; `key_name` its unique constraint's or its index's.
    """

    name: str
    type: str
    modifier: int
    nullable: bool
    comment: str
    is_generated: bool
    key_name: str | None
    is_unique: bool
    is_key: bool


@dataclass(frozen=True)
class LiveTable:
    name: str
    comment: str
    columns: tuple[LiveColumn, ...]


async def tables(session: AsyncSession, name: str | None = None) -> list[Row]:
    """Name and comment of each table, or of one, that is not this server's own; the first thousand by name."""
    found = await session.execute(_TABLES, {"own": own_tables(), "name": name})
    return [dict(row) for row in found.mappings()]


async def table(session: AsyncSession, name: str) -> LiveTable | None:
    """A table with its columns; None where there is none, or it is this server's own."""
    there = await tables(session, name)
    if not there:
        return None
    found = await session.execute(_COLUMNS, {"name": name})
    return LiveTable(name, there[0]["comment"], tuple(LiveColumn(**dict(row)) for row in found.mappings()))


def own_tables() -> list[str]:
    return [*Base.metadata.tables, *_OWN]


def classes() -> set[str]:
    """The names of all classes that stand for tables."""
    return {mapper.class_.__name__ for mapper in Base.registry.mappers}
