"""Roles: which menus they have, which permissions come with these, how far they reach.

Nobody makes a role that allows more, or reaches further, than they do themselves, and nobody changes one that does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import menus, roles
from agents_backend.db.base import Database, now
from agents_backend.db.conflicts import refusals
from agents_backend.db.idempotency import Once, once
from agents_backend.db.lists import Found, Row, Slice
from agents_backend.db.roles import RoleFilter
from agents_backend.db.tables.rights import Role
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Conflict, Forbidden, Invalid, NotFound
from agents_backend.domain.principals import Principal
from agents_backend.domain.rights import DataScope
from agents_backend.services.idempotency import reading_what_was_made
from agents_backend.services.principals import Principals

_PLAIN = ("name", "data_scope", "is_enabled", "remark")


@dataclass(frozen=True)
class NewRole:
    name: str
    data_scope: DataScope = DataScope.SELF
    is_enabled: bool = True
    remark: str = ""
    menu_ids: frozenset[int] = frozenset()


class Roles:
    def __init__(self, *, database: Database, principals: Principals) -> None:
        self._database, self._principals = database, principals

    async def list(self, wanted: RoleFilter, part: Slice) -> Found:
        async with self._database.autocommit() as session:
            return await roles.listed(session, wanted, part)

    async def every(self) -> Sequence[Mapping[str, Any]]:
        async with self._database.autocommit() as session:
            return await roles.every(session)

    async def get(self, role_id: int) -> Role:
        """A role.

        Raises:
            NotFound: there is none of this id.
        """
        async with self._database.autocommit() as session:
            return _there(await roles.by_id(session, role_id))

    async def create(self, new: NewRole, actor: Principal, key: str | None) -> Role:
        """A new role.

        Raises:
            Conflict: the name is taken. Forbidden: it would allow or reach more than the actor. Invalid: no such menu.
            IdempotencyMismatch: the key was used for another body.
        """
        body = {name: getattr(new, name) for name in _PLAIN} | {"menu_ids": sorted(new.menu_ids)}
        request = Once(actor.user_id, key, "create_role", body)
        async with self._database.transaction() as session, refusals(session, roles.REFUSALS):
            role_id, made = await once(session, request, lambda: _insert(session, new, actor))
        if made:
            changed("role", role_id, None, body)
        with reading_what_was_made():
            return await self.get(role_id)

    async def update(self, role_id: int, change: Mapping[str, Any], actor: Principal) -> Role:
        """Change the given fields.

        Raises:
            NotFound: not there. Conflict: the name is taken. Forbidden: it allows or reaches more than the actor, or would.
        """
        async with self._database.transaction() as session, refusals(session, roles.REFUSALS):
            role = await _changeable(session, role_id, actor)
            before = _told(role)
            _check_reach(DataScope(change.get("data_scope", role.data_scope)), actor)
            for name in set(_PLAIN) & change.keys():
                setattr(role, name, change[name])
            role.updated_at = now()
            after = _told(role)
        self._principals.forget()
        changed("role", role_id, before, after)
        return role

    async def delete(self, role_id: int, actor: Principal) -> None:
        """Remove a role that nobody has.

        Raises:
            NotFound: not there. Conflict: somebody has it. Forbidden: it allows or reaches more than the actor.
        """
        async with self._database.transaction() as session, refusals(session, roles.REFUSALS):
            before = _told(await _changeable(session, role_id, actor))
            if await roles.holders(session, role_id):
                raise Conflict("The role is somebody's.", code="ROLE_IN_USE")
            await roles.remove(session, role_id)
        self._principals.forget()
        changed("role", role_id, before, None)

    async def menus(self, role_id: int) -> Sequence[Row]:
        """A role's menus.

        Raises:
            NotFound: there is no such role.
        """
        async with self._database.autocommit() as session:
            _there(await roles.by_id(session, role_id))
            return await menus.of_role(session, role_id)

    async def set_menus(self, role_id: int, menu_ids: frozenset[int], actor: Principal) -> Sequence[Row]:
        """Make these a role's menus.

        Raises:
            NotFound: there is no such role. Invalid: no such menu. Forbidden: a permission is not the actor's own.
        """
        async with self._database.transaction() as session, refusals(session, roles.REFUSALS):
            await _changeable(session, role_id, actor)
            before = sorted(await roles.menu_ids(session, role_id))
            await _grant(session, role_id, menu_ids, actor)
            found = await menus.of_role(session, role_id)
        self._principals.forget()
        changed("role", role_id, {"menu_ids": before}, {"menu_ids": sorted(menu_ids)})
        return found


def _there(role: Role | None) -> Role:
    if role is None:
        raise NotFound("There is no such role.")
    return role


async def _changeable(session: AsyncSession, role_id: int, actor: Principal) -> Role:
    role = _there(await roles.locked(session, role_id))
    actor.check_holds(await roles.permissions_of(session, {role_id}))
    _check_reach(DataScope(role.data_scope), actor)
    return role


def _check_reach(scope: DataScope, actor: Principal) -> None:
    if not actor.reach.scope.covers(scope):
        raise Forbidden("The role would reach further than you do.")


async def _insert(session: AsyncSession, new: NewRole, actor: Principal) -> int:
    _check_reach(new.data_scope, actor)
    role = Role(**{name: getattr(new, name) for name in _PLAIN})
    await roles.add(session, role)
    await _grant(session, role.id, new.menu_ids, actor)
    return role.id


async def _grant(session: AsyncSession, role_id: int, menu_ids: frozenset[int], actor: Principal) -> None:
    found = await menus.known(session, set(menu_ids))
    if missing := sorted(menu_ids - {menu.id for menu in found}):
        raise Invalid.field("menu_ids", f"there is no menu {missing[0]}")
    actor.check_holds(menu.permission for menu in found if menu.permission)
    await roles.set_menus(session, role_id, set(menu_ids))


def _told(role: Role) -> dict[str, Any]:
    return {name: getattr(role, name) for name in _PLAIN}
