"""What a request changed, told by services and read by the operation log at the request's end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Actor:
    user_id: int
    username: str


@dataclass
class Told:
    """What was told of a request. `actor` is told only of one that carries no token: it acts for who began it."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    actor: Actor | None = None


_told: ContextVar[Told | None] = ContextVar("told", default=None)


@contextmanager
def recording() -> Iterator[Told]:
    """Collect what is told within the block, by tasks that it starts as well."""
    found = Told()
    token = _told.set(found)
    try:
        yield found
    finally:
        _told.reset(token)


def acting(user_id: int, username: str) -> None:
    """Tell for whom a request without a token acts."""
    if (found := _told.get()) is not None:
        found.actor = Actor(user_id, username)


def changed(thing: str, key: object, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
    """Tell what became of a row: its fields that differ, before and after; nothing is told where nobody records."""
    found = _told.get()
    if found is None:
        return
    old, new = dict(before or {}), dict(after or {})
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not names:
        return
    found.changes.append(
        {
            "thing": thing,
            "id": str(key),
            "before": {name: old[name] for name in names if name in old} if before is not None else None,
            "after": {name: new[name] for name in names if name in new} if after is not None else None,
        }
    )
