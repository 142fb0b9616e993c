"""What is generated from: a table and its columns, each held to an allow-list of types and a grammar of names."""

import math
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agents_backend.generator import names

LONGEST_IDENTIFIER = 63
LONGEST_STRING = 10_000
MOST_COLUMNS = 100
_INTEGERS = {"integer": 2**31 - 1, "bigint": 2**63 - 1}

Noun = Annotated[str, StringConstraints(min_length=2, max_length=40)]
Short = Annotated[str, StringConstraints(min_length=2, max_length=20)]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=50)]
KeyName = Annotated[str, StringConstraints(max_length=LONGEST_IDENTIFIER, pattern=r"^[A-Za-z0-9_$]+$")]
Comment = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ColumnType(StrEnum):
    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    BIGINT = "bigint"
    FLOAT = "float"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    UUID = "uuid"
    JSON = "json"


_SEARCHED = {ColumnType.STRING, ColumnType.TEXT, ColumnType.BOOLEAN}
_WITH_DEFAULT = {
    ColumnType.STRING,
    ColumnType.TEXT,
    ColumnType.INTEGER,
    ColumnType.BIGINT,
    ColumnType.FLOAT,
    ColumnType.NUMERIC,
    ColumnType.BOOLEAN,
}
_NOT_UNIQUE = {ColumnType.BOOLEAN, ColumnType.JSON}


class Column(BaseModel):
    """A column beside `id`, which every table has, and `created_at` and `updated_at`.

    `length` is of strings alone, `precision` and `scale` of numerics; a default is of the column's own type (a numeric's
    may be text, which is exact), and makes the field optional in a request. `key_name` is what the unique constraint or the
    index is called, where the table was made elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=10_000)

    name: ColumnName
    type: ColumnType
    length: Annotated[int, Field(ge=1, le=LONGEST_STRING)] | None = None
    precision: Annotated[int, Field(ge=1, le=100)] | None = None
    scale: Annotated[int, Field(ge=0, le=100)] | None = None
    nullable: bool = False
    unique: bool = False
    index: bool = False
    searchable: bool = False
    default: bool | int | float | str | None = None
    comment: Comment = ""
    key_name: KeyName | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        names.check_column(self.name, is_searched=self.searchable)
        self._check_size()
        if self.searchable and self.type not in _SEARCHED:
            raise ValueError(f"{self.name}: a column of the type {self.type} cannot be searched")
        if (self.unique and self.type in _NOT_UNIQUE) or (self.index and self.type is ColumnType.JSON):
            raise ValueError(f"{self.name}: a column of the type {self.type} cannot be unique, or json be indexed")
        if self.key_name is not None and not (self.unique or self.index):
            raise ValueError(f"{self.name}: neither unique nor indexed, it has no key to name")
        if self.default is not None:
            self._check_default(self.default)
        return self

    def _check_size(self) -> None:
        if (self.length is not None) != (self.type is ColumnType.STRING):
            raise ValueError(f"{self.name}: a string has a length, and nothing else has")
        if {self.precision is not None, self.scale is not None} != {self.type is ColumnType.NUMERIC}:
            raise ValueError(f"{self.name}: a numeric has a precision and a scale, and nothing else has")
        if self.precision is not None and self.scale is not None and self.scale > self.precision:
            raise ValueError(f"{self.name}: the scale is larger than the precision")

    def _check_default(self, default: bool | float | str) -> None:
        if self.type not in _WITH_DEFAULT:
            raise ValueError(f"{self.name}: a column of the type {self.type} has no default")
        if self.unique:
            raise ValueError(f"{self.name}: a unique column has no default")
        if not self._fits(default):
            raise ValueError(f"{self.name}: the default is not a value of the type {self.type} and its size")

    def _fits(self, default: object) -> bool:
        match self.type:
            case ColumnType.BOOLEAN:
                return isinstance(default, bool)
            case ColumnType.STRING | ColumnType.TEXT:
                return (
                    isinstance(default, str) and "\0" not in default and len(default) <= (self.length or len(default))
                )
            case ColumnType.INTEGER | ColumnType.BIGINT:
                largest = _INTEGERS[self.type]
                return isinstance(default, int) and not isinstance(default, bool) and abs(default) <= largest
            case ColumnType.FLOAT:
                return isinstance(default, (int, float)) and not isinstance(default, bool) and math.isfinite(default)
            case _:
                return not isinstance(default, bool) and self._is_numeric(str(default))

    def _is_numeric(self, text: str) -> bool:
        try:
            given = Decimal(text)
        except InvalidOperation:
            return False
        exponent = given.as_tuple().exponent
        if not given.is_finite() or not isinstance(exponent, int):
            return False
        whole = (self.precision or 0) - (self.scale or 0)
        return -exponent <= (self.scale or 0) and abs(given) < Decimal(10) ** whole


class Description(BaseModel):
    """A table that code is made for.

    `singular` is what one row is called; without it the usual singular of `table_name` is taken. `app_name` begins the
    routes' path and the permissions. With `timestamps` the table has `created_at` and `updated_at`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table_name: Noun
    app_name: Short
    singular: Annotated[str, StringConstraints(min_length=2, max_length=32)] | None = None
    comment: Comment = ""
    timestamps: bool = True
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=MOST_COLUMNS)]

    @property
    def entity(self) -> str:
        return self.singular or names.singular_of(self.table_name)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        check_names(self.table_name, self.app_name, self.entity)
        seen = {"created_at", "updated_at"} if self.timestamps else set()
        for column in self.columns:
            if column.name in seen:
                raise ValueError(f"the column {column.name} stands there twice")
            if column.searchable and column.name in {self.table_name, f"{self.entity}_id"}:
                raise ValueError(f"a column that is called {column.name} cannot be searched here")
            if len(f"ix_{self.table_name}_{column.name}") > LONGEST_IDENTIFIER:
                raise ValueError(f"the names of the table and of {column.name} together are too long for PostgreSQL")
            seen.add(column.name)
        return self


def check_names(table_name: str, app_name: str, entity: str) -> None:
    """Hold a table's names to their grammar and to each other.

    Raises:
        ValueError: one of them cannot be used.
    """
    names.check_noun(table_name, "table_name")
    names.check_noun(entity, "singular")
    names.check(app_name, "app_name")
    if len(entity) > 32:  # noqa: PLR2004  # as in the field; a permission has 64 letters in all
        raise ValueError("the singular is longer than 32 letters; give a shorter one")
    if names.class_name(entity) == names.class_name(table_name):
        raise ValueError(f"one row and the table must differ in name; give the singular of {table_name}")


class Subject(BaseModel):
    """A description and its place: all that the templates are given.

    `is_imported`: the table stood in the database before its migration. `down_revision`: the migration to follow.
    """

    model_config = ConfigDict(frozen=True)

    description: Description
    is_imported: bool
    created_at: datetime
    down_revision: str | None

    @property
    def revision(self) -> str:
        return revision_of(self.description.table_name, self.created_at)


def revision_of(table_name: str, created_at: datetime) -> str:
    """The name of a table's migration: the same however often it is generated."""
    return f"{created_at:%Y%m%d}_{table_name}"
