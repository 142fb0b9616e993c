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


@dataclass(frozen=True)
class Found:
    """Rows as mappings of their columns, and how many there are on all pages."""

    rows: list[Mapping[str, Any]]
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
    """Two statements: the page's rows, and how many rows of `counted` there are; the conditions speak of that table alone."""
    total = await session.scalar(select(func.count()).select_from(counted).where(*conditions))
    rows = await session.execute(query.where(*conditions).offset(part.offset).limit(part.size))
    return Found([dict(row) for row in rows.mappings()], total or 0)
