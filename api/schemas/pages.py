"""Lists."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, computed_field

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
