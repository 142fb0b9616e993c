"""All SQL about departments."""

from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.lists import Row, contains, rows
from agents_backend.db.tables.rights import Dept
from agents_backend.db.tables.users import User
from agents_backend.db.trees import lock_tree
from agents_backend.domain.errors import Conflict

REFUSALS = {
    "uq_depts_parent_id_name": Conflict("There is a department of this name there already.", code="DEPT_NAME_TAKEN"),
    "fk_depts_parent_id_depts": Conflict("The department has departments beneath it.", code="DEPT_HAS_CHILDREN"),
}


@dataclass(frozen=True)
class DeptFilter:
    name: str | None = None
    is_enabled: bool | None = None


async def listed(session: AsyncSession, wanted: DeptFilter) -> list[Row]:
    query = select(*Dept.__table__.columns).order_by(Dept.sort, Dept.id)
    if wanted.name:
        query = query.where(contains(Dept.name, wanted.name))
    if wanted.is_enabled is not None:
        query = query.where(Dept.is_enabled.is_(wanted.is_enabled))
    return await rows(session, query)


async def lock(session: AsyncSession) -> dict[int, int | None]:
    """Let nobody else move or delete departments until the transaction ends; the parent of each."""
    return await lock_tree(session, Dept)


async def by_id(session: AsyncSession, dept_id: int) -> Dept | None:
    return await session.get(Dept, dept_id)


async def locked(session: AsyncSession, dept_id: int) -> Dept | None:
    return await session.get(Dept, dept_id, with_for_update=True)


async def add(session: AsyncSession, dept: Dept) -> None:
    session.add(dept)
    await session.flush()


async def has_people(session: AsyncSession, dept_id: int) -> bool:
    query = select(exists().where(User.dept_id == dept_id, User.deleted_at.is_(None)))
    return bool(await session.scalar(query))


async def has_children(session: AsyncSession, dept_id: int) -> bool:
    return bool(await session.scalar(select(exists().where(Dept.parent_id == dept_id))))


async def remove(session: AsyncSession, dept_id: int) -> None:
    await session.execute(delete(Dept).where(Dept.id == dept_id))
