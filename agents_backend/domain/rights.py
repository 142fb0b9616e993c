"""How far a role reaches: the people that its holders see and change."""

from dataclasses import dataclass
from enum import StrEnum


class DataScope(StrEnum):
    """Widest first."""

    ALL = "all"
    DEPT_AND_BELOW = "dept_and_below"
    DEPT = "dept"
    SELF = "self"

    def covers(self, other: "DataScope") -> bool:
        """Whether whoever has this scope reaches all that the other one reaches."""
        return _WIDTH[self] >= _WIDTH[other]

    @classmethod
    def widest(cls, scopes: "list[DataScope]") -> "DataScope":
        """Of several roles the widest counts; nobody without a role sees more than themselves."""
        return max(scopes, key=_WIDTH.__getitem__, default=cls.SELF)


_WIDTH = {DataScope.SELF: 0, DataScope.DEPT: 1, DataScope.DEPT_AND_BELOW: 2, DataScope.ALL: 3}


@dataclass(frozen=True)
class Reach:
    """Whose rows somebody sees: their own, and those of the departments that their data scope names."""

    user_id: int
    dept_id: int | None
    scope: DataScope


class MenuType(StrEnum):
    DIRECTORY = "directory"
    PAGE = "page"
    BUTTON = "button"
