"""What every list has in common: an order from an allow-list, text that is searched for literally, a page and a total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from agents_backend.db.base import Base
from agents_backend.domain.errors import Invalid


@dataclass(frozen=True)
class Slice:
    """A page: from 1, and how many are on it. `sort` is `name` or `-name`, several with commas."""

    page: int = 1
    size: int = 20
    sort: str = ""

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size


Row = Mapping[str, Any]
_TOTAL = "_total"


@dataclass(frozen=True)
class Found:
    """Rows as mappings of their columns, and how many there are on all pages."""

    rows: list[Row]
    total: int


def order(sort: str, columns: Mapping[str, InstrumentedAttribute[Any]]) -> list[ColumnElement[Any]]:
    """The ORDER BY of a sort parameter.

    Raises:
        Invalid: it names something that is not in `columns`.
    """
    wanted = [part.strip() for part in sort.split(",") if part.strip()]
    if unknown := [part for part in wanted if part.removeprefix("-") not in columns]:
        raise Invalid.field("sort", f"cannot sort by {unknown[0]}; there are {', '.join(columns)}", where="query")
    return [columns[part.removeprefix("-")].desc() if part.startswith("-") else columns[part].asc() for part in wanted]


def contains(column: InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    """A search for the text as it stands: `%` and `_` mean themselves."""
    return column.icontains(text, autoescape=True)


async def page(
    session: AsyncSession,
    query: Select[*tuple[Any, ...]],
    counted: type[Base],
    conditions: Sequence[ColumnElement[bool]],
    part: Slice,
) -> Found:
    """The page's rows, and how many rows of `counted` there are; the conditions speak of that table alone.

    One statement, or two where the page lies behind the end.
    """
    count = select(func.count()).select_from(counted).where(*conditions)
    query = query.add_columns(count.correlate(None).scalar_subquery().label(_TOTAL))
    found = await rows(session, query.where(*conditions).offset(part.offset).limit(part.size))
    if found:
        return Found([{key: row[key] for key in row if key != _TOTAL} for row in found], found[0][_TOTAL])
    return Found([], (await session.scalar(count) or 0) if part.offset else 0)


async def rows(session: AsyncSession, query: Select[*tuple[Any, ...]]) -> list[Row]:
    """All rows of a query of columns; these need none of what a session does for objects."""
    found = await (await session.connection()).execute(query)
    return [dict(row) for row in found.mappings()]
