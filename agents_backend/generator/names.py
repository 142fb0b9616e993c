"""Which names a generated module can use: Python's grammar, PostgreSQL's, and what the module itself already names."""

import builtins
import keyword
import re

from pydantic import BaseModel

# The reserved key words of PostgreSQL 18's SQL (appendix C of its manual), those that may name a function among them.
_SQL = frozenset(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation "
    "column concurrently constraint create cross current_catalog current_date current_role current_schema current_time "
    "current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze "
    "from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit "
    "localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references "
    "returning right select session_user similar some symmetric system_user table tablesample then to trailing true union "
    "unique user using variadic verbose when where window with".split()
)
_POSTGRES_COLUMNS = frozenset(("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"))
# What the bodies of the generated classes say, and what SQLAlchemy and pydantic keep for themselves.
_MODULES = frozenset(
    "annotated any bool bytes datetime date decimal dict float int list mapping metadata registry str time uuid "
    "new change column when now id".split()
)
# What the generated modules, and the files that they are named in, import under a class's or a variable's name.
_IMPORTED = frozenset(
    "admin annotated auth base big_integer boolean body changed client column conflict context contains database date_time "
    "decimal depends double entry field finite forbidden found id integer invalid json_object mapped mapping metrics name "
    "not_found now number numeric observe once order page principal query redis refusals remark request response row rows "
    "router select sequence services session settings size slice some_id sorting string text timedelta timestamps token "
    "unavailable unique when base_model config_dict func delete idempotency_key".split()
)
_PYDANTIC = frozenset(dir(BaseModel))
# Parameters of the generated list route; a column that is searched becomes one of them too.
_PARAMETERS = frozenset(("page", "size", "sort", "part", "wanted")) | frozenset(dir(builtins))
_GRAMMAR = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)


def check(name: str, what: str) -> None:
    """Hold a name to the grammar of lower snake case.

    Raises:
        ValueError: it has another shape, or is reserved by Python or SQL; the message says which.
    """
    if not _GRAMMAR.fullmatch(name):
        raise ValueError(f"{what} must be lower snake case: a letter, then letters, digits and single underscores")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) and name != "type":
        raise ValueError(f"{what} must not be a keyword of Python: {name}")
    if name in _SQL:
        raise ValueError(f"{what} must not be a reserved word of SQL: {name}")


def check_noun(name: str, what: str) -> None:
    """Hold a table's or an entity's name to what a module, a class and a variable can be called.

    Raises:
        ValueError: it cannot be one.
    """
    check(name, what)
    if name in _PARAMETERS | _MODULES | _IMPORTED or name.startswith("pg_"):
        raise ValueError(f"{what} is a name that the generated code needs itself: {name}")


def check_column(name: str, *, is_searched: bool) -> None:
    """Hold a column's name to what an attribute of the generated classes can be called.

    Raises:
        ValueError: it cannot be one.
    """
    check(name, "a column's name")
    if name in _MODULES or name in _PYDANTIC or name in _POSTGRES_COLUMNS or name.startswith("model_"):
        raise ValueError(f"a column cannot be called {name}: the generated classes need that name")
    if is_searched and name in _PARAMETERS:
        raise ValueError(f"a column that is called {name} cannot be searched")


def singular_of(plural: str) -> str:
    """The usual singular of an English plural; the word itself where there is no rule for it."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("s", "")):
        if plural.endswith(ending) and not plural.endswith(("ss", "us", "is")):
            return plural.removesuffix(ending) + instead
    return plural


def class_name(snake: str) -> str:
    return "".join(part.capitalize() for part in snake.split("_"))


def words(snake: str) -> str:
    return snake.replace("_", " ")
