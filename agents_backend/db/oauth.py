"""All SQL about which account at a provider is whose."""

from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.lists import Found, Slice, page
from agents_backend.db.tables.oauth import OAuthLink
from agents_backend.db.tables.users import User
from agents_backend.domain.errors import Conflict

REFUSALS = {
    "uq_oauth_links_user_id_provider": Conflict(
        "You have linked another account of this provider. Unlink it first.", code="OAUTH2_ALREADY_LINKED"
    )
}


async def lock(session: AsyncSession, provider: str, subject: str) -> None:
    """Let two sign-ins of one account follow each other until the transaction ends: the first of them may make its user."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{provider}:{subject}", 0))))


async def owner(session: AsyncSession, provider: str, subject: str) -> User | None:
    """Whose account it is; deleted users included."""
    query = select(User).join(OAuthLink, OAuthLink.user_id == User.id)
    return await session.scalar(query.where(OAuthLink.provider == provider, OAuthLink.subject == subject))


async def add(session: AsyncSession, link: OAuthLink) -> None:
    session.add(link)
    await session.flush()


async def used(session: AsyncSession, provider: str, subject: str, login: str) -> None:
    """Note that the account was just seen, under this name."""
    query = update(OAuthLink).where(OAuthLink.provider == provider, OAuthLink.subject == subject)
    await session.execute(query.values(login=login, last_used_at=now()))


async def listed(session: AsyncSession, user_id: int, part: Slice) -> Found:
    """The links of one person, oldest first."""
    query = select(OAuthLink.provider, OAuthLink.login, OAuthLink.created_at, OAuthLink.last_used_at)
    return await page(session, query.order_by(OAuthLink.id), OAuthLink, [OAuthLink.user_id == user_id], part)


async def of_user(session: AsyncSession, user_id: int) -> dict[str, OAuthLink]:
    """The links of one person by provider."""
    found = await session.scalars(select(OAuthLink).where(OAuthLink.user_id == user_id))
    return {link.provider: link for link in found.all()}


async def remove(session: AsyncSession, provider: str, subject: str) -> None:
    await session.execute(delete(OAuthLink).where(OAuthLink.provider == provider, OAuthLink.subject == subject))


async def add_user(session: AsyncSession, values: dict[str, Any]) -> User | None:
    """A new person; None where the name is taken."""
    user_id = await session.scalar(insert(User).values(values).on_conflict_do_nothing().returning(User.id))
    return await session.get(User, user_id) if user_id is not None else None
