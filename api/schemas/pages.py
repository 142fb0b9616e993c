"""Lists."""

from typing import Generic, TypeVar

from pydantic import BaseModel, computed_field

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    total: int
    page: int
    size: int

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order
    @property
    def total_pages(self) -> int:
        return -(-self.total // self.size)
