"""Who acts, and what they may do."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from agents_backend.domain.errors import Forbidden
from agents_backend.domain.rights import DataScope, Reach


@dataclass(frozen=True)
class HeldRole:
    id: int
    name: str


@dataclass(frozen=True)
class Principal:
    """A signed-in person, as their session was found at most `session_cache_seconds` ago."""

    user_id: int
    username: str
    is_superuser: bool
    session_id: uuid.UUID
    permissions: frozenset[str] = frozenset()
    data_scope: DataScope = DataScope.SELF
    nickname: str = ""
    email: str | None = None
    phone: str = ""
    avatar: str = ""
    dept_id: int | None = None
    dept_name: str | None = None
    roles: tuple[HeldRole, ...] = ()

    @property
    def reach(self) -> Reach:
        return Reach(self.user_id, self.dept_id, DataScope.ALL if self.is_superuser else self.data_scope)

    @property
    def rights(self) -> tuple[bool, frozenset[str], DataScope, int | None]:
        """All that decides what they may do: two principals with the same rights may do the same."""
        return self.is_superuser, self.permissions, self.data_scope, self.dept_id

    def may(self, permission: str) -> bool:
        return self.is_superuser or permission in self.permissions

    def check_holds(self, permissions: Iterable[str]) -> None:
        """Nobody hands out, or changes for others, what they do not hold themselves.

        Raises:
            Forbidden: one of the permissions is not theirs; it is named.
        """
        if missing := sorted(name for name in permissions if not self.may(name)):
            raise Forbidden(f"You do not hold {missing[0]} yourself.")
