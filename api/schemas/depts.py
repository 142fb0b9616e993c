"""Departments."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents_backend.services.depts import NewDept
from api.schemas.fields import Body, Email, Name, Phone, SomeId, Sort, Text64


class DeptView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    parent_id: int | None
    name: str
    sort: int
    leader: str
    phone: str
    email: str | None
    is_enabled: bool
    created_at: datetime
    updated_at: datetime


class DeptNode(DeptView):
    children: "list[DeptNode]"


class CreateDeptBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Research", "parent_id": None}})

    name: Name
    parent_id: SomeId | None = None
    sort: Sort = 0
    leader: Text64 = ""
    phone: Phone = ""
    email: Email | None = None
    is_enabled: bool = True

    def new(self) -> NewDept:
        return NewDept(**self.model_dump())


class UpdateDeptBody(Body):
    """Fields that are not given stay as they are."""

    name: Name = Field(default_factory=str)
    parent_id: SomeId | None = None
    sort: Sort = Field(default_factory=int)
    leader: Text64 = Field(default_factory=str)
    phone: Phone = Field(default_factory=str)
    email: Email | None = None
    is_enabled: bool = Field(default_factory=bool)

    def change(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)
