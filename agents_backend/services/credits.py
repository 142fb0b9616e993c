"""Credits as users and administrators see them: what there is, what was used, adding more. How runs spend is in `spending`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import credits as ledger
from agents_backend.db import users
from agents_backend.db.base import Database
from agents_backend.db.credits import MOST, CreditRepository, UseFilter
from agents_backend.db.idempotency import Once, once
from agents_backend.db.lists import Found, Slice
from agents_backend.domain.audit import changed
from agents_backend.domain.credits import ZERO, credits_of
from agents_backend.domain.errors import Conflict, NotFound
from agents_backend.domain.principals import Principal
from agents_backend.settings import CreditSettings


@dataclass(frozen=True)
class Balance:
    """A user's credits.

    Attributes:
        balance: to be spent. reserved: set aside for runs that have not ended.
        enabled: whether runs are paid for at all.
    """

    user_id: int
    balance: Decimal
    reserved: Decimal
    enabled: bool


@dataclass(frozen=True)
class NewGrant:
    user_id: int
    amount: Decimal
    reason: str


class Credits:
    def __init__(self, *, database: Database, settings: CreditSettings) -> None:
        self._database, self._settings = database, settings
        self._initial = credits_of(settings.initial, 1)

    async def balance(self, user_id: int) -> Balance:
        """What somebody has; until they first need an account, what everybody begins with."""
        async with self._database.autocommit() as session:
            return await self._balance(session, user_id)

    async def add(self, grant: NewGrant, actor: Principal, key: str | None) -> Balance:
        """Give credits to somebody within reach, once for an Idempotency-Key; what they have then.

        Raises:
            NotFound: there is nobody of this id, or not within reach. Conflict: it would be more than anybody may have.
            IdempotencyMismatch: the key was used for another body.
        """
        body = {"user_id": grant.user_id, "amount": str(grant.amount.normalize()), "reason": grant.reason}
        async with self._database.transaction() as session:
            if await users.view(session, grant.user_id, actor.reach) is None:
                raise NotFound("There is no such user.", code="USER_NOT_FOUND")
            request = Once(actor.user_id, key, "add_credits", body)
            _, made = await once(session, request, lambda: self._grant(session, grant, actor))
            found = await self._balance(session, grant.user_id)
        if made:
            after = {"balance": str(found.balance), "reason": grant.reason}
            changed("credits", grant.user_id, {"balance": str(found.balance - grant.amount)}, after)
        return found

    async def used(self, user_id: int, wanted: UseFilter, part: Slice) -> Found:
        """One's own use by run, the last one first."""
        async with self._database.autocommit() as session:
            mine = UseFilter(user_id, wanted.since, wanted.until)
            return await ledger.by_run(session, mine, part)

    async def movements(self, user_id: int, part: Slice) -> Found:
        """One's own ledger, the last entry first."""
        async with self._database.autocommit() as session:
            return await ledger.ledger(session, user_id, part)

    async def summed(self, actor: Principal, wanted: UseFilter, by: Sequence[str], part: Slice) -> Found:
        """The use of everybody within reach, summed by some of `user`, `model` and `day`."""
        async with self._database.autocommit() as session:
            return await ledger.summed(session, actor.reach, wanted, by, part)

    async def accounts(self, actor: Principal, part: Slice) -> Found:
        """What everybody within reach has."""
        async with self._database.autocommit() as session:
            return await ledger.accounts(session, actor.reach, self._initial, part)

    async def _grant(self, session: AsyncSession, grant: NewGrant, actor: Principal) -> int:
        rows = CreditRepository(session)
        await rows.open(grant.user_id, self._initial)
        made = await rows.grant(grant.user_id, grant.amount, actor_id=actor.user_id, reason=grant.reason)
        if made is None:
            raise Conflict(f"Nobody may have more than {MOST:,f} credits.", code="TOO_MANY_CREDITS")
        return made

    async def _balance(self, session: AsyncSession, user_id: int) -> Balance:
        found = await CreditRepository(session).account(user_id)
        balance, reserved = (found.balance, found.reserved) if found else (self._initial, ZERO)
        return Balance(user_id, balance, reserved, self._settings.enabled)
