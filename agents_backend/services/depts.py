"""Departments: a tree that people belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import depts
from agents_backend.db.base import Database, now
from agents_backend.db.conflicts import refusals
from agents_backend.db.depts import DeptFilter
from agents_backend.db.idempotency import Once, once
from agents_backend.db.lists import Row
from agents_backend.db.tables.rights import Dept
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Conflict, NotFound
from agents_backend.domain.principals import Principal
from agents_backend.domain.trees import check_place
from agents_backend.services.idempotency import reading_what_was_made
from agents_backend.services.principals import Principals

_PLAIN = ("parent_id", "name", "sort", "leader", "phone", "email", "is_enabled")


@dataclass(frozen=True)
class NewDept:
    name: str
    parent_id: int | None = None
    sort: int = 0
    leader: str = ""
    phone: str = ""
    email: str | None = None
    is_enabled: bool = True


class Depts:
    def __init__(self, *, database: Database, principals: Principals) -> None:
        self._database, self._principals = database, principals

    async def list(self, wanted: DeptFilter) -> Sequence[Row]:
        async with self._database.autocommit() as session:
            return await depts.listed(session, wanted)

    async def get(self, dept_id: int) -> Dept:
        """A department.

        Raises:
            NotFound: there is none of this id.
        """
        async with self._database.autocommit() as session:
            return _there(await depts.by_id(session, dept_id))

    async def create(self, new: NewDept, actor: Principal, key: str | None) -> Dept:
        """A new department.

        Raises:
            Conflict: its parent has one of this name. Invalid: there is no such parent.
            IdempotencyMismatch: the key was used for another body.
        """
        body = {name: getattr(new, name) for name in _PLAIN}
        request = Once(actor.user_id, key, "create_dept", body)
        async with self._database.transaction() as session, refusals(session, depts.REFUSALS):
            dept_id, made = await once(session, request, lambda: _insert(session, body))
        if made:
            changed("dept", dept_id, None, body)
        with reading_what_was_made():
            return await self.get(dept_id)

    async def update(self, dept_id: int, change: Mapping[str, Any]) -> Dept:
        """Change the given fields; `parent_id` moves it with all that is beneath it.

        Raises:
            NotFound: not there. Conflict: the name is taken there. Invalid: no such parent, or it stands beneath it.
        """
        async with self._database.transaction() as session, refusals(session, depts.REFUSALS):
            parents = await depts.lock(session)
            dept = _there(await depts.locked(session, dept_id))
            if "parent_id" in change:
                check_place(parents, change["parent_id"], dept_id)
            before = _told(dept)
            for name in set(_PLAIN) & change.keys():
                setattr(dept, name, change[name])
            dept.updated_at = now()
            after = _told(dept)
        self._principals.forget()
        changed("dept", dept_id, before, after)
        return dept

    async def delete(self, dept_id: int) -> None:
        """Remove an empty department.

        Raises:
            NotFound: not there. Conflict: it has people, or departments beneath it.
        """
        async with self._database.transaction() as session, refusals(session, depts.REFUSALS):
            await depts.lock(session)
            before = _told(_there(await depts.locked(session, dept_id)))
            if await depts.has_children(session, dept_id):
                raise Conflict("The department has departments beneath it.", code="DEPT_HAS_CHILDREN")
            if await depts.has_people(session, dept_id):
                raise Conflict("The department has people.", code="DEPT_HAS_PEOPLE")
            await depts.remove(session, dept_id)
        changed("dept", dept_id, before, None)


def _there(dept: Dept | None) -> Dept:
    if dept is None:
        raise NotFound("There is no such department.")
    return dept


async def _insert(session: AsyncSession, values: Mapping[str, Any]) -> int:
    check_place(await depts.lock(session), values["parent_id"])
    dept = Dept(**values)
    await depts.add(session, dept)
    return dept.id


def _told(dept: Dept) -> dict[str, Any]:
    return {name: getattr(dept, name) for name in _PLAIN}
