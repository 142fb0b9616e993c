"""What a request changed, told by services and read by the operation log at the request's end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_changes: ContextVar[list[dict[str, Any]] | None] = ContextVar("changes", default=None)


@contextmanager
def recording() -> Iterator[list[dict[str, Any]]]:
    """Collect what is told within the block, by tasks that it starts as well."""
    found: list[dict[str, Any]] = []
    token = _changes.set(found)
    try:
        yield found
    finally:
        _changes.reset(token)


def changed(thing: str, key: object, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
    """Tell what became of a row: its fields that differ, before and after; nothing is told where nobody records."""
    found = _changes.get()
    if found is None:
        return
    old, new = dict(before or {}), dict(after or {})
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not names:
        return
    found.append(
        {
            "thing": thing,
            "id": str(key),
            "before": {name: old[name] for name in names if name in old} if before is not None else None,
            "after": {name: new[name] for name in names if name in new} if after is not None else None,
        }
    )
