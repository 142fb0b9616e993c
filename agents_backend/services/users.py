"""People: who they are, which roles they have, and who may change them.

Two rules hold everywhere. Nobody reaches beyond their data scope: what is outside of it is not there. And nobody changes
somebody who may do more than they may, nor hands out a role that allows more than they hold.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import roles, sessions, users
from agents_backend.db.base import Database, now
from agents_backend.db.conflicts import refusals
from agents_backend.db.idempotency import Once, once
from agents_backend.db.lists import Found, Slice
from agents_backend.db.tables.users import User
from agents_backend.db.users import UserFilter
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Conflict, Forbidden, Invalid, NotFound
from agents_backend.domain.passwords import check_strength
from agents_backend.domain.principals import Principal
from agents_backend.domain.rights import DataScope, Reach
from agents_backend.services.idempotency import reading_what_was_made
from agents_backend.services.passwords import Passwords
from agents_backend.services.principals import Principals
from agents_backend.services.user_rules import check_dept, check_dispensable, give_roles

_PLAIN = ("username", "nickname", "email", "phone", "avatar", "dept_id", "is_enabled")
_OWN = frozenset({"nickname", "email", "phone", "avatar"})
_EVERYBODY = Reach(0, None, DataScope.ALL)


@dataclass(frozen=True)
class NewUser:
    username: str
    password: str
    nickname: str = ""
    email: str | None = None
    phone: str = ""
    avatar: str = ""
    dept_id: int | None = None
    is_enabled: bool = True
    role_ids: frozenset[int] = frozenset()


class Users:
    def __init__(self, *, database: Database, passwords: Passwords, principals: Principals) -> None:
        self._database, self._passwords, self._principals = database, passwords, principals

    async def list(self, actor: Principal, wanted: UserFilter, part: Slice) -> Found:
        async with self._database.autocommit() as session:
            return await users.listed(session, actor.reach, wanted, part)

    async def get(self, user_id: int, actor: Principal) -> Mapping[str, Any]:
        """One person.

        Raises:
            NotFound: there is nobody of this id, or not within reach.
        """
        async with self._database.autocommit() as session:
            return await _seen(session, user_id, actor)

    async def create(self, new: NewUser, actor: Principal, key: str | None) -> Mapping[str, Any]:
        """A new person.

        Raises:
            Invalid: a weak password, or a role or department that is not there.
            Forbidden: a role allows more than the actor may, or the department is out of reach.
            Conflict: the name is taken. IdempotencyMismatch: the key was used for another body.
        """
        check_strength(new.password, new.username)
        hashed = await self._passwords.hash(new.password)
        body = {name: getattr(new, name) for name in _PLAIN} | {"role_ids": sorted(new.role_ids)}
        request = Once(actor.user_id, key, "create_user", body)  # no hash of a password is kept beside the key
        async with self._database.transaction() as session, refusals(session, users.REFUSALS):
            user_id, made = await once(session, request, lambda: _insert(session, new, hashed, actor))
        async with self._database.transaction() as session:
            with reading_what_was_made():
                seen = await _seen(session, user_id, None)
        if made:
            changed("user", user_id, None, {name: seen[name] for name in _PLAIN} | {"role_ids": body["role_ids"]})
        return seen

    async def update(self, user_id: int, change: Mapping[str, Any], actor: Principal) -> Mapping[str, Any]:
        """Change the given fields of somebody; `role_ids` replaces their roles.

        Raises:
            NotFound: not there, or not within reach. Forbidden: they may do more than the actor, or would.
            Conflict: the name is taken, one would disable oneself, or the last superuser.
        """
        wanted = change.get("role_ids")
        async with self._database.transaction() as session, refusals(session, users.REFUSALS):
            user = await self._changeable(session, user_id, actor)
            before = await _told(session, user)
            if change.get("is_enabled") is False and user.is_enabled:
                await check_dispensable(session, user, actor)
                await sessions.revoke_all(session, user_id, "disabled")
            if change.get("dept_id", user.dept_id) != user.dept_id:
                await check_dept(session, change["dept_id"], actor)
            for name in set(_PLAIN) & change.keys():
                setattr(user, name, change[name])
            if wanted is not None:
                await give_roles(session, user, frozenset(wanted), actor)
            user.updated_at = now()
            after = await _told(session, user)
        self._principals.forget(user_id=user_id)
        changed("user", user_id, before, after)
        async with self._database.transaction() as session:
            return await _seen(session, user_id, None)

    async def delete(self, user_id: int, actor: Principal) -> None:
        """Let somebody go: the row stays for the logs, their name is free again, their sessions end.

        What is theirs alone (documents, files, credentials, sandboxes) goes with the next rounds of the sweeps.

        Raises:
            NotFound: not there, or not within reach. Forbidden: they may do more than the actor.
            Conflict: it is oneself, or the last superuser.
        """
        async with self._database.transaction() as session:
            user = await self._changeable(session, user_id, actor)
            await check_dispensable(session, user, actor)
            before = await _told(session, user)
            user.deleted_at, user.is_enabled, user.dept_id = now(), False, None
            await users.set_roles(session, user_id, set())
            await sessions.revoke_all(session, user_id, "deleted")
        self._principals.forget(user_id=user_id)
        changed("user", user_id, before, None)

    async def set_superuser(self, user_id: int, actor: Principal, *, is_superuser: bool) -> Mapping[str, Any]:
        """Make somebody a superuser, or no longer one.

        Raises:
            Forbidden: the actor is none. NotFound: not there. Conflict: it is oneself, or the last superuser.
        """
        if not actor.is_superuser:
            raise Forbidden("Only a superuser makes superusers.")
        async with self._database.transaction() as session:
            user = await self._changeable(session, user_id, actor)
            if user.is_superuser and not is_superuser:
                await check_dispensable(session, user, actor)
            before, user.is_superuser = user.is_superuser, is_superuser
        self._principals.forget(user_id=user_id)
        changed("user", user_id, {"is_superuser": before}, {"is_superuser": is_superuser})
        return await self.get(user_id, actor)

    async def reset_password(self, user_id: int, password: str | None, actor: Principal) -> str | None:
        """Set another's password; without one, make it and give it back once. Their sessions end.

        Raises:
            Invalid: it is weak. NotFound: not there, or not within reach. Forbidden: they may do more than the actor.
            Conflict: it is oneself, who must show the old one.
        """
        if user_id == actor.user_id:
            raise Conflict("Change your own password with the old one.", code="OWN_ACCOUNT")
        made = secrets.token_urlsafe(12) if password is None else None
        async with self._database.transaction() as session:
            seen = await _seen(session, user_id, actor)
        check_strength(password or made or "", seen["username"])
        hashed = await self._passwords.hash(password or made or "")
        async with self._database.transaction() as session:
            user = await self._changeable(session, user_id, actor)
            user.password_hash = hashed
            await sessions.revoke_all(session, user_id, "password changed")
        self._principals.forget(user_id=user_id)
        changed("user", user_id, {"password": "set"}, {"password": "set anew"})
        return made

    async def update_own(self, actor: Principal, change: Mapping[str, Any]) -> None:
        """Change one's own name and how one is reached."""
        async with self._database.transaction() as session:
            user = await _own(session, actor)
            before = {name: getattr(user, name) for name in _OWN}
            for name in _OWN & change.keys():
                setattr(user, name, change[name])
            after = {name: getattr(user, name) for name in _OWN}
        self._principals.forget(user_id=actor.user_id)
        changed("user", actor.user_id, before, after)

    async def change_own_password(self, actor: Principal, old: str, new: str) -> User:
        """Change one's own password; every session of oneself ends, this one included.

        Raises:
            Invalid: the old one is wrong, or the new one is weak.
        """
        async with self._database.transaction() as session:
            hashed = (await _own(session, actor)).password_hash
        if not await self._passwords.matches(old, hashed):
            raise Invalid("The old password is wrong.", code="WRONG_PASSWORD")
        check_strength(new, actor.username, field="new_password")
        fresh = await self._passwords.hash(new)
        async with self._database.transaction() as session:
            user = await _own(session, actor)
            user.password_hash = fresh
            await sessions.revoke_all(session, actor.user_id, "password changed")
        self._principals.forget(user_id=actor.user_id)
        changed("user", actor.user_id, {"password": "set"}, {"password": "set anew"})
        return user

    async def _changeable(self, session: AsyncSession, user_id: int, actor: Principal) -> User:
        user = await users.locked(session, user_id, actor.reach)
        if user is None:
            raise NotFound("There is no such user.")
        if user.is_superuser and not actor.is_superuser:
            raise Forbidden("Only a superuser changes a superuser.")
        if user_id != actor.user_id:
            actor.check_holds(await roles.permissions_of(session, await users.role_ids(session, user_id)))
        return user


async def _seen(session: AsyncSession, user_id: int, actor: Principal | None) -> Mapping[str, Any]:
    reach = actor.reach if actor else _EVERYBODY
    found = await users.view(session, user_id, reach)
    if found is None:
        raise NotFound("There is no such user.")
    return found


async def _own(session: AsyncSession, actor: Principal) -> User:
    user = await users.locked(session, actor.user_id, actor.reach)
    if user is None:
        raise NotFound("There is no such user.")
    return user


async def _insert(session: AsyncSession, new: NewUser, hashed: str, actor: Principal) -> int:
    dept_id = new.dept_id
    if dept_id is None and actor.reach.scope is not DataScope.ALL:
        dept_id = actor.dept_id
    await check_dept(session, dept_id, actor)
    user = User(**{name: getattr(new, name) for name in _PLAIN} | {"dept_id": dept_id}, password_hash=hashed)
    user.nickname = new.nickname or new.username
    session.add(user)
    await session.flush()
    await give_roles(session, user, new.role_ids, actor)
    return user.id


async def _told(session: AsyncSession, user: User) -> dict[str, Any]:
    found = {name: getattr(user, name) for name in _PLAIN}
    return found | {"role_ids": sorted(await users.role_ids(session, user.id))}
