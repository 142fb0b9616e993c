"""Columns that hold ciphertext: how one is declared, what its values are bound to, and the SQL of giving them a newer key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, LargeBinary, MetaData, Table, bindparam, func, select, tuple_, update
from sqlalchemy import inspect as mapper_of
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column

_BOUND_TO: Final = "bound_to"


def sealed(*bound_to: str, **options: Any) -> MappedColumn[Any]:
    """Declare a column of ciphertext; `services/vault.py` writes and reads it.

    `token: Mapped[bytes | None] = sealed("user_id", "name")`: each value opens only beside the values that the columns `bound_to` had when it was sealed: name some that tell its row from all others
    and never change. `agents-backend rotate-keys` finds every such column by itself. In a migration it is a `sa.LargeBinary()`.
    """
    if not bound_to:
        raise ValueError("a sealed column is bound to at least one other")
    return mapped_column(LargeBinary, info={_BOUND_TO: bound_to}, **options)


def sealed_columns(metadata: MetaData) -> Iterator[Column[Any]]:
    """Each sealed column of all tables: the only list of them."""
    return (column for table in metadata.sorted_tables for column in table.columns if _BOUND_TO in column.info)


def place_of(row: DeclarativeBase, attribute: str) -> bytes:
    """What a row's sealed value is bound to.

    Raises:
        ValueError: a column that it is bound to has no value yet.
    """
    column = mapper_of(type(row)).columns[attribute]
    return _place(column, {name: getattr(row, name) for name in column.info[_BOUND_TO]})


def _place(column: Column[Any], values: Mapping[str, Any]) -> bytes:
    bound_to = [values[name] for name in column.info[_BOUND_TO]]
    if None in bound_to:
        raise ValueError(f"{column}: {column.info[_BOUND_TO]} must be set before it is sealed")
    return json.dumps([column.table.name, column.name, *map(str, bound_to)]).encode()


class SealedRows:
    """The values of one sealed column, by primary key."""

    def __init__(self, session: AsyncSession, column: Column[Any]) -> None:
        if not isinstance(column.table, Table):
            raise TypeError(f"{column} is not a table's")
        self._session, self._column, self._table = session, column, column.table
        self._key = tuple(self._table.primary_key.columns)

    async def locked(
        self, *, without: bytes, after: Sequence[Any] | None, limit: int
    ) -> list[tuple[tuple[Any, ...], bytes, bytes]]:
        """The next values that do not begin with `without`: each its primary key, its place and itself."""
        names = self._column.info[_BOUND_TO]
        bound_to = [self._table.c[name] for name in names]
        query = select(*self._key, *bound_to, self._column).where(
            self._column.is_not(None), func.substr(self._column, 1, len(without)) != without
        )
        if after is not None:
            query = query.where(tuple_(*self._key) > tuple_(*after))
        found = await self._session.execute(query.order_by(*self._key).limit(limit).with_for_update())
        width = len(self._key)
        return [
            (tuple(row[:width]), _place(self._column, dict(zip(names, row[width:-1], strict=True))), row[-1])
            for row in found
        ]

    async def replace(self, values: Sequence[tuple[tuple[Any, ...], bytes]]) -> None:
        """Write new ciphertext of the same values; `updated_at` stays."""
        if not values:
            return
        found = [key == bindparam(f"key_{number}") for number, key in enumerate(self._key)]
        kept = {"updated_at": self._table.c.updated_at} if "updated_at" in self._table.c else {}
        statement = update(self._table).where(*found).values({self._column.name: bindparam("sealed"), **kept})
        rows = [{**{f"key_{n}": part for n, part in enumerate(key)}, "sealed": value} for key, value in values]
        await (await self._session.connection()).execute(statement, rows)
