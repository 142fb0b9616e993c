"""Lists."""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, computed_field

from agents_backend.db.lists import Found, Slice

Item = TypeVar("Item")
Number = Annotated[int, Query(ge=1, le=1_000_000, description="the page, from 1")]
Size = Annotated[int, Query(ge=1, le=200, description="items on a page")]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    total: int
    page: int
    size: int

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order
    @property
    def total_pages(self) -> int:
        return -(-self.total // self.size)


def listed(found: Found, part: Slice) -> dict[str, Any]:
    """A page of rows, for a route whose `response_model` is a `Page`: FastAPI validates the rows as they are, once."""
    return {"items": found.rows, "total": found.total, "page": part.page, "size": part.size}
