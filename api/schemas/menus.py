"""Menus."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.domain.rights import MenuType
from agents_backend.services.menus import NewMenu
from api.schemas.fields import Body, Name, Remark, SomeId, Sort, Text64, Text255

Permission = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9_-]*(:[a-z][a-z0-9_-]*)+$")]


class MenuView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    parent_id: int | None
    type: MenuType
    name: str
    title: str
    path: str
    component: str
    icon: str
    permission: str | None
    sort: int
    is_visible: bool
    is_enabled: bool
    remark: str
    created_at: datetime
    updated_at: datetime


class MenuNode(MenuView):
    children: "list[MenuNode]"


class CreateMenuBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "type": "button",
                "name": "shop:order:add",
                "title": "Add orders",
                "permission": "shop:order:add",
            }
        },
    )

    type: MenuType
    name: Name
    title: Name
    parent_id: SomeId | None = None
    path: Text255 = ""
    component: Text255 = ""
    icon: Text64 = ""
    permission: Permission | None = None
    sort: Sort = 0
    is_visible: bool = True
    is_enabled: bool = True
    remark: Remark = ""

    def new(self) -> NewMenu:
        return NewMenu(**self.model_dump())


class UpdateMenuBody(Body):
    """Fields that are not given stay as they are."""

    type: MenuType = Field(default_factory=lambda: MenuType.PAGE)
    name: Name = Field(default_factory=str)
    title: Name = Field(default_factory=str)
    parent_id: SomeId | None = None
    path: Text255 = Field(default_factory=str)
    component: Text255 = Field(default_factory=str)
    icon: Text64 = Field(default_factory=str)
    permission: Permission | None = None
    sort: Sort = Field(default_factory=int)
    is_visible: bool = Field(default_factory=bool)
    is_enabled: bool = Field(default_factory=bool)
    remark: Remark = Field(default_factory=str)

    def change(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)
