"""What holds for every change of a person: which roles they may be given, which department, and who must stay."""

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import roles, users
from agents_backend.db.tables.users import User
from agents_backend.domain.errors import Conflict, Forbidden, Invalid
from agents_backend.domain.principals import Principal
from agents_backend.domain.rights import DataScope


async def give_roles(session: AsyncSession, user: User, wanted: frozenset[int], actor: Principal) -> None:
    """Replace somebody's roles. What is given must be held; one's own may only shrink."""
    held = await users.role_ids(session, user.id)
    new = set(wanted) - held
    found = await roles.known(session, set(wanted))
    if missing := sorted(set(wanted) - {role.id for role in found}):
        raise Invalid.field("role_ids", f"there is no role {missing[0]}")
    actor.check_holds(await roles.permissions_of(session, new))
    for role in found:
        if role.id in new and not actor.reach.scope.covers(DataScope(role.data_scope)):
            raise Forbidden(f"The role {role.name} reaches further than you do.")
    await users.set_roles(session, user.id, set(wanted))


async def check_dept(session: AsyncSession, dept_id: int | None, actor: Principal) -> None:
    if dept_id is None and actor.reach.scope is DataScope.ALL:
        return
    if dept_id is not None and await users.dept_in_reach(session, dept_id, actor.reach):
        return
    if actor.reach.scope is DataScope.ALL:
        raise Invalid.field("dept_id", "there is no such department")
    raise Forbidden("This department is not within your reach.")


async def check_dispensable(session: AsyncSession, user: User, actor: Principal) -> None:
    if user.id == actor.user_id:
        raise Conflict("You cannot do this to yourself.", code="OWN_ACCOUNT")
    if user.is_superuser and not await users.other_superusers(session, user.id):
        raise Conflict("The last superuser must stay.", code="LAST_SUPERUSER")
