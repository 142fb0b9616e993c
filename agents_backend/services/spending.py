"""What a run spends: credits are reserved before it starts, more of them before a step that may need more, and all is settled at its end.

What was used is what its rows say: an answer, a tool's result and a spoken line are each stored once, however often their
activity is tried, and each with its cost. So a run is charged from them once, in the transaction that ends it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from langchain_core.messages import BaseMessage
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.contracts.turns import RunRef
from agents_backend.db.base import Database
from agents_backend.db.credits import CreditRepository
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.domain.credits import SMALLEST, ZERO, Charge, EntryKind, Source, credits_of, shared_out
from agents_backend.domain.errors import InsufficientCredits, RunClosed
from agents_backend.domain.runs import RunStatus
from agents_backend.services.run_parts import VOICE
from agents_backend.services.windows import CHARACTERS_A_TOKEN
from agents_backend.settings import CreditSettings, ModelConfig

Used = Mapping[str, Any] | None  # the `usage` of a message or a part
TOOL = "tool"
NAME = 160  # characters of a charge's name that are kept
PICTURE = 4_500  # characters that a picture is worth: about 1,500 tokens


@dataclass(frozen=True)
class Bill:
    """What a run that ends is charged for, and what it had reserved."""

    run: Run
    reserved: Decimal
    charges: tuple[Charge, ...]


class Spending:
    def __init__(self, *, database: Database, settings: CreditSettings) -> None:
        self._database, self._settings = database, settings

    @property
    def first_reserve(self) -> Decimal:
        """What a run has reserved when it starts; zero where runs are free."""
        return self._credits(self._settings.reserve) if self._settings.enabled else ZERO

    async def begin(self, session: AsyncSession, run: Run) -> None:
        """Reserve `run.credits_reserved` in the transaction that accepts the run: one statement, as the last of it.

        Raises:
            InsufficientCredits: the user has fewer.
        """
        if not run.credits_reserved or await self._reserve(session, run, run.credits_reserved):
            return
        raise InsufficientCredits(f"A run needs {run.credits_reserved.normalize():f} credits to start.")

    async def before_model(
        self, run: Run, used: Iterable[Used], config: ModelConfig, messages: Sequence[BaseMessage]
    ) -> None:
        """See to it that a model call is paid for, by what was read anyway; only a run that needs more asks PostgreSQL.

        Raises:
            InsufficientCredits: there are no more. RunClosed: the run has ended meanwhile.
        """
        if run.credits_reserved:
            needed = self._spent(used) + self._credits_of(self.call_price(config, messages))
            if needed > run.credits_reserved:
                await self._extend(run.id, needed)

    async def cover(self, ref: RunRef, cost_usd: float) -> None:
        """See to it that a step of a known price is paid for.

        Raises:
            InsufficientCredits: there are no more. RunClosed: the run has ended meanwhile.
        """
        if not self._settings.enabled or not cost_usd:
            return
        run_id = uuid.UUID(ref.run_id)
        async with self._database.transaction() as session:
            run = await RunRepository(session).run(run_id)
            used = await RunRepository(session).usages(run_id) if run is not None and run.credits_reserved else ()
        if run is not None and run.credits_reserved:
            needed = self._spent(used) + self._credits_of(cost_usd)
            if needed > run.credits_reserved:
                await self._extend(run_id, needed)

    def call_price(self, config: ModelConfig, messages: Sequence[BaseMessage]) -> float:
        """US dollars of a model call, about: its context, and an answer of the expected length."""
        answer = min(config.max_output_tokens, self._settings.expected_output_tokens)
        context = sum(_length(message) for message in messages) / CHARACTERS_A_TOKEN
        return (context * config.input_price + answer * config.output_price) / 1e6

    def tool_price(self, name: str) -> float:
        """US dollars of a call."""
        return self._settings.tool_prices.get(name, 0)

    def bill(self, run: Run, used: Iterable[Used]) -> Bill:
        """What a run that ends is charged for, and what it had reserved; it has nothing reserved from here on."""
        made = Bill(run, run.credits_reserved or ZERO, tuple(charges_of(used)))
        run.credits_reserved = ZERO
        return made

    async def settle(self, session: AsyncSession, bill: Bill) -> None:
        """Charge and release, in the transaction that ends the run and has its row locked: one statement, as the last of it.

        What goes beyond the reserve is taken from the balance, as far as that goes.
        """
        prices = [self._credits_of(charge.cost_usd) for charge in bill.charges]
        rows, available = CreditRepository(session), bill.reserved
        if bill.reserved and sum(prices, ZERO) > bill.reserved:
            available += await rows.locked_balance(bill.run.user_id)
        taken = shared_out(prices, available)
        entries = [
            {**_entry(charge), "credits": price, "amount": -amount}
            for charge, price, amount in zip(bill.charges, prices, taken, strict=True)
        ]
        if bill.reserved:
            entries.insert(0, _release(bill.reserved))
        if entries:
            await rows.settle(bill.run, entries)

    async def settle_ended(self, session: AsyncSession, run_id: uuid.UUID) -> None:
        """The same for a run that has just been ended in this transaction, by its id; again changes nothing."""
        rows = RunRepository(session)
        run = await rows.run(run_id, lock=True)
        if run is not None and run.credits_reserved:
            await self.settle(session, self.bill(run, await rows.usages(run_id)))

    async def sweep(self, *, limit: int) -> int:
        """Settle runs that ended without it, some at a time; how many there were."""
        async with self._database.transaction() as session:
            found = await CreditRepository(session).unsettled(limit=limit)
        for run_id in found:
            async with self._database.transaction() as session:
                await self.settle_ended(session, run_id)
        return len(found)

    async def _extend(self, run_id: uuid.UUID, needed: Decimal) -> None:
        """Reserve what is missing: a good piece at once if that can be had, else the very amount."""
        async with self._database.transaction() as session:
            run = await RunRepository(session).run(run_id, lock=True)
            if run is None or RunStatus(run.status).is_final:
                raise RunClosed
            missing = needed - run.credits_reserved
            if missing <= 0:
                return
            for amount in dict.fromkeys((max(missing, self._credits(self._settings.reserve)), missing)):
                if await self._reserve(session, run, amount):
                    run.credits_reserved += amount
                    return
        raise InsufficientCredits("The run has used the credits that were to be had for it; what it has done is kept.")

    async def _reserve(self, session: AsyncSession, run: Run, amount: Decimal) -> bool:
        rows = CreditRepository(session)
        if await rows.reserve(run, amount):
            return True
        if await rows.account(run.user_id) is not None:
            return False
        await rows.open(run.user_id, self._credits(self._settings.initial))
        return await rows.reserve(run, amount)

    def _spent(self, used: Iterable[Used]) -> Decimal:
        return self._credits_of(sum(usage.get("cost_usd", 0) for usage in used if usage))

    def _credits_of(self, cost_usd: float) -> Decimal:
        return credits_of(cost_usd, self._settings.per_usd)

    def _credits(self, amount: float) -> Decimal:
        return max(credits_of(amount, 1), SMALLEST) if amount else ZERO


def _length(message: BaseMessage) -> int:
    """Characters; a picture's bytes are none, and it counts as a page of text."""
    if isinstance(message.content, str):
        return len(message.content)
    parts = [part.get("text") if isinstance(part, dict) else part for part in message.content]
    return sum(PICTURE if part is None else len(part) for part in parts)


def charges_of(used: Iterable[Used]) -> list[Charge]:
    """What a run used, one charge for each model, tool and voice, in the order of their first use."""
    found: dict[str, Charge] = {}
    for usage in used:
        charge = _charge(usage or {})
        if charge.name or charge.cost_usd:
            found[charge.key] = found[charge.key] + charge if charge.key in found else charge
    return list(found.values())


def _charge(usage: Mapping[str, Any]) -> Charge:
    cost = max(usage.get("cost_usd", 0), 0)
    if TOOL in usage:
        return Charge(Source.TOOL, usage[TOOL][:NAME], 1, cost_usd=cost)
    if VOICE in usage:
        return Charge(Source.SPEECH, usage[VOICE], 1, characters=usage.get("characters", 0), cost_usd=cost)
    tokens = {name: usage.get(name, 0) for name in ("input_tokens", "output_tokens")}
    return Charge(Source.MODEL, usage.get("model", ""), 1, **tokens, cost_usd=cost)


_NO_USE = {"source": "", "name": "", "calls": 0, "input_tokens": 0, "output_tokens": 0, "characters": 0}


def _release(reserved: Decimal) -> dict[str, Any]:
    nothing = {**_NO_USE, "cost_usd": 0, "credits": 0}
    return {**nothing, "kind": EntryKind.RELEASE, "key": "release", "amount": reserved, "reserved": -reserved}


def _entry(charge: Charge) -> dict[str, Any]:
    return {
        "kind": EntryKind.CHARGE,
        "key": charge.key,
        "reserved": 0,
        "source": charge.source,
        "name": charge.name,
        "calls": charge.calls,
        "input_tokens": charge.input_tokens,
        "output_tokens": charge.output_tokens,
        "characters": charge.characters,
        "cost_usd": charge.cost_usd,
    }
