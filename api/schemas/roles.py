"""Roles."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agents_backend.domain.rights import DataScope
from agents_backend.services.roles import NewRole
from api.schemas.fields import Body, Name, Remark, SomeId

MenuIds = Annotated[list[SomeId], Field(max_length=2000)]


class RoleView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    data_scope: DataScope
    is_enabled: bool
    remark: str
    created_at: datetime
    updated_at: datetime


class RoleChoice(BaseModel):
    id: int
    name: str
    is_enabled: bool


class CreateRoleBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "support", "data_scope": "dept"}})

    name: Name
    data_scope: DataScope = DataScope.SELF
    is_enabled: bool = True
    remark: Remark = ""
    menu_ids: MenuIds = Field(default_factory=list)

    def new(self) -> NewRole:
        return NewRole(**self.model_dump(exclude={"menu_ids"}), menu_ids=frozenset(self.menu_ids))


class UpdateRoleBody(Body):
    """Fields that are not given stay as they are."""

    name: Name = Field(default_factory=str)
    data_scope: DataScope = Field(default_factory=lambda: DataScope.SELF)
    is_enabled: bool = Field(default_factory=bool)
    remark: Remark = Field(default_factory=str)

    def change(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class RoleMenusBody(Body):
    menu_ids: MenuIds
