"""A live table's columns in the words of a description."""

from typing import Any

from agents_backend.generator.description import LONGEST_STRING, ColumnType

_HEADER = 4  # PostgreSQL counts its own length word into a modifier
_TYPES = {
    "text": ColumnType.TEXT,
    "integer": ColumnType.INTEGER,
    "bigint": ColumnType.BIGINT,
    "double precision": ColumnType.FLOAT,
    "numeric": ColumnType.NUMERIC,
    "boolean": ColumnType.BOOLEAN,
    "date": ColumnType.DATE,
    "timestamp with time zone": ColumnType.DATETIME,
    "uuid": ColumnType.UUID,
    "jsonb": ColumnType.JSON,
}
"""Types that a generated model reads and writes without a change of the table."""


def column(name: str, type_name: str, modifier: int, **flags: Any) -> dict[str, Any]:
    """The description of one column, unchecked.

    Raises:
        ValueError: its type is none that code is generated for.
    """
    size = _size(name, type_name, modifier)
    return {"name": name, **size, **flags}


def _size(name: str, type_name: str, modifier: int) -> dict[str, Any]:
    if type_name == "character varying":
        length = modifier - _HEADER
        return (
            {"type": ColumnType.STRING, "length": length} if 0 < length <= LONGEST_STRING else {"type": ColumnType.TEXT}
        )
    found = _TYPES.get(type_name)
    if found is None:
        raise ValueError(f"the column {name} is of the type {type_name}, for which no code is generated")
    if found is ColumnType.NUMERIC:
        if modifier < _HEADER:
            raise ValueError(f"the column {name} is a numeric without a precision, for which no code is generated")
        packed = modifier - _HEADER
        return {"type": found, "precision": packed >> 16 & 0xFFFF, "scale": packed & 0x7FF}
    return {"type": found}
