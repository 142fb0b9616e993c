"""What code is generated for."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from agents_backend.generator.description import MOST_COLUMNS, Column, Comment, Description, Noun, Short
from agents_backend.services.generator import Import
from api.schemas.fields import Body

_EXAMPLE: JsonDict = {
    "table_name": "invoices",
    "app_name": "shop",
    "comment": "What customers owe.",
    "columns": [
        {"name": "number", "type": "string", "length": 32, "unique": True, "searchable": True},
        {"name": "total", "type": "numeric", "precision": 12, "scale": 2},
        {"name": "is_paid", "type": "boolean", "default": False, "searchable": True},
    ],
}
Singular = Annotated[str, Field(min_length=2, max_length=32, description="what one row is called")]


class BusinessView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    table_name: str
    app_name: str
    singular: str
    comment: str
    timestamps: bool
    is_imported: bool
    columns: list[Column]
    created_at: datetime
    updated_at: datetime


class CreateBusinessBody(Description):
    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    def new(self) -> Description:
        return Description(**dict(self))


class ImportBusinessBody(Body):
    """`table_name` is one of `GET …/tables`; its columns and, unless one is given, its comment are taken over."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"table_name": "legacy_orders", "app_name": "shop"}}
    )

    table_name: Noun
    app_name: Short
    singular: Singular | None = None
    comment: Comment | None = None

    def wanted(self) -> Import:
        return Import(**self.model_dump())


class UpdateBusinessBody(Body):
    """Fields that are not given stay as they are; `columns` replace all that there were."""

    table_name: Noun = Field(default_factory=str)
    app_name: Short = Field(default_factory=str)
    singular: Singular | None = None
    comment: Comment = Field(default_factory=str)
    timestamps: bool = Field(default_factory=bool)
    columns: Annotated[list[Column], Field(min_length=1, max_length=MOST_COLUMNS)] = Field(default_factory=list)

    def change(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True, mode="json")


class LiveTableView(BaseModel):
    name: str
    comment: str


class PreviewView(BaseModel):
    files: dict[str, str] = Field(description="the text of each file, by its path in the repository")
