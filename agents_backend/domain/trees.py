"""Trees of rows with parents: no circles, no bottomless ones, and their nesting for an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents_backend.domain.errors import Invalid

DEEPEST = 20
Parents = Mapping[int, int | None]


def check_place(parents: Parents, parent_id: int | None, key: int | None = None) -> None:
    """Whether a row (or, without a key, a new one) may stand under a parent.

    Raises:
        Invalid: there is no such parent, it is the row itself or beneath it, or the tree would be too deep.
    """
    if parent_id is None:
        return
    if parent_id not in parents:
        raise Invalid.field("parent_id", "there is no such parent")
    above = _path(parents, parent_id)
    if key in above:
        raise Invalid.field("parent_id", "a row cannot stand beneath itself")
    if len(above) + (1 if key is None else _height(parents, key)) > DEEPEST:
        raise Invalid.field("parent_id", f"the tree would be deeper than {DEEPEST}")


def _path(parents: Parents, key: int) -> list[int]:
    found: list[int] = []
    at: int | None = key
    while at is not None and at not in found:
        found.append(at)
        at = parents.get(at)
    return found


def _height(parents: Parents, key: int) -> int:
    return max(_path(parents, other).index(key) + 1 for other in parents if key in _path(parents, other))


def nest(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with `id` and `parent_id` in their order, each with its `children`; one whose parent is not among them stands on top."""
    nodes: dict[int, dict[str, Any]] = {row["id"]: {**row, "children": []} for row in rows}
    top: list[dict[str, Any]] = []
    for node in nodes.values():
        above = nodes.get(node["parent_id"])
        (top if above is None else above["children"]).append(node)
    return top


def with_ancestors(parents: Parents, keys: set[int]) -> set[int]:
    """The keys and all that stand above them."""
    return {found for key in keys if key in parents for found in _path(parents, key)}
