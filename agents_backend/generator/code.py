"""Text that may stand in a program as it is, and how everything else is made safe to.

A template puts a value into Python. A `Code` was checked to be a name, or was written here: it stands as it is. Every other
text becomes a string literal, so that no comment or default, whatever it says, can end the literal that it stands in.
"""

import re
from decimal import Decimal

from agents_backend.generator import names
from agents_backend.generator.description import Column, ColumnType

_ANNOTATION = {
    ColumnType.STRING: "str",
    ColumnType.TEXT: "str",
    ColumnType.INTEGER: "int",
    ColumnType.BIGINT: "int",
    ColumnType.FLOAT: "float",
    ColumnType.NUMERIC: "Decimal",
    ColumnType.BOOLEAN: "bool",
    ColumnType.DATE: "date",
    ColumnType.DATETIME: "datetime",
    ColumnType.UUID: "uuid.UUID",
    ColumnType.JSON: "dict[str, Any]",
}
_EMPTY = {
    ColumnType.DATE: "lambda: now().date()",
    ColumnType.DATETIME: "now",
    ColumnType.UUID: "uuid.uuid4",
    ColumnType.JSON: "dict",
}
_SQL_TYPE = {
    ColumnType.TEXT: "Text()",
    ColumnType.INTEGER: "Integer()",
    ColumnType.BIGINT: "BigInteger()",
    ColumnType.FLOAT: "Double()",
    ColumnType.BOOLEAN: "Boolean()",
    ColumnType.DATE: "Date()",
    ColumnType.DATETIME: "DateTime(timezone=True)",
    ColumnType.UUID: "Uuid()",
}
# How a test reads what came back, where one value has several texts.
_READ = {ColumnType.NUMERIC: "Decimal", ColumnType.DATETIME: "datetime.fromisoformat"}
_UNSAFE = re.compile(r"[^\x20-\x7e]|[\"\\]")


class Code(str):
    """Text that stands in a program as it is."""

    __slots__ = ()


def literal(value: object) -> Code:
    """A value as Python writes it: in one line of ASCII, with double quotes."""
    if isinstance(value, str):
        return Code('"' + _UNSAFE.sub(_escaped, value) + '"')
    if value is None or isinstance(value, (bool, int, float)):
        return Code(repr(value))
    raise TypeError(f"a {type(value).__name__} has no place in a template")


def put(value: object) -> object:
    """What a template's `{{ }}` writes: the last step of each."""
    return value if isinstance(value, Code) else literal(value)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in '"\\':
        return "\\" + found[0]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def named(snake: str) -> Code:
    """A name, checked once more where it becomes code.

    Raises:
        ValueError: it is none.
    """
    names.check(snake, "a name")
    return Code(snake)


class ColumnCode:
    """A column in the templates' words."""

    def __init__(self, column: Column, table_name: str) -> None:
        self.name, self.type = named(column.name), Code(column.type)
        self.unique, self.index, self.nullable = column.unique, column.index and not column.unique, column.nullable
        self.searchable, self.comment, self.length = column.searchable, column.comment, column.length
        self.bare = Code(_ANNOTATION[column.type])
        self.annotation = Code(f"{self.bare} | None") if column.nullable else self.bare
        self.empty = Code(_EMPTY.get(column.type, self.bare))
        self.sql_type = _sql_type(column, "")
        self.migration_type = _sql_type(column, "sa.")
        self.has_own_key = column.key_name is not None
        self.key = column.key_name or f"{'uq' if column.unique else 'ix'}_{table_name}_{column.name}"
        self.code = Code(f"{column.name}_TAKEN".upper())
        self.field = _field(column)
        self.default = _default(column)
        self.words = Code(names.words(column.name))
        self.sample, self.wrong = _sample(column), _wrong(column)
        self.read = Code(_READ[column.type]) if column.type in _READ else None

    @property
    def is_optional(self) -> bool:
        return self.nullable or self.default is not None


def _sql_type(column: Column, module: str) -> Code:
    match column.type:
        case ColumnType.STRING:
            return Code(f"{module}String({column.length})")
        case ColumnType.NUMERIC:
            return Code(f"{module}Numeric({column.precision}, {column.scale})")
        case ColumnType.JSON:
            return Code("JSONB()" if not module else "postgresql.JSONB()")
        case _:
            return Code(module + _SQL_TYPE[column.type])


def _field(column: Column) -> Code:
    """The type of the field in a request's body."""
    match column.type:
        case ColumnType.STRING | ColumnType.TEXT:
            most = f"max_length={column.length}, " if column.length else ""
            return Code(f'Annotated[str, StringConstraints({most}pattern=r"^[^\\x00]*$")]')
        case ColumnType.INTEGER:
            return Code("Integer")
        case ColumnType.BIGINT:
            return Code("BigInteger")
        case ColumnType.FLOAT:
            return Code("Finite")
        case ColumnType.NUMERIC:
            return Code(f"Annotated[Decimal, Field(max_digits={column.precision}, decimal_places={column.scale})]")
        case ColumnType.DATETIME:
            return Code("When")
        case ColumnType.JSON:
            return Code("JsonObject")
        case _:
            return Code(_ANNOTATION[column.type])


def _default(column: Column) -> Code | None:
    if column.default is None:
        return None
    match column.type:
        case ColumnType.NUMERIC:
            return Code(f"Decimal({literal(str(Decimal(str(column.default))))})")
        case ColumnType.FLOAT:
            return literal(float(column.default))
        case _:
            return literal(column.default)


def _sample(column: Column) -> Code:
    """A value for a test to send, as Python; a new one each time where the column is unique."""
    match column.type:
        case ColumnType.STRING | ColumnType.TEXT:
            return Code(f"uuid.uuid4().hex[:{min(column.length or 32, 32)}]")
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return Code("secrets.randbelow(2**31)")
        case ColumnType.FLOAT:
            return Code("secrets.randbelow(2**31) / 4")
        case ColumnType.NUMERIC:
            digits = min(column.precision or 1, 9)
            places = min(column.scale or 0, digits)
            return Code(f'f"{{Decimal(secrets.randbelow(10**{digits})).scaleb(-{places}):f}}"')
        case ColumnType.BOOLEAN:
            return Code("True")
        case ColumnType.DATE:
            return Code("(date(2000, 1, 1) + timedelta(days=secrets.randbelow(10_000))).isoformat()")
        case ColumnType.DATETIME:
            return Code('f"2026-01-02T03:04:05.{secrets.randbelow(10**6):06}Z"')
        case ColumnType.UUID:
            return Code("str(uuid.uuid4())")
        case ColumnType.JSON:
            return Code('{"key": ["value", 1, None]}')


def _wrong(column: Column) -> Code:
    """A value that the field must refuse."""
    match column.type:
        case ColumnType.STRING:
            return Code(f'"x" * {(column.length or 0) + 1}')
        case ColumnType.TEXT:
            return Code('"\\0"')
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return Code("2**63")
        case ColumnType.JSON:
            return Code('{"key": "\\0"}')
        case _:
            return Code('"neither"')
