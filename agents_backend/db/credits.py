"""SQL of credits. Whatever changes an account writes the ledger's entries in the same statement.

An account is the last row that a transaction locks, after its thread's and its run's: so no two wait for each other.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, cast, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.lists import Found, Slice, rows
from agents_backend.db.tables.credits import CreditAccount, CreditEntry
from agents_backend.db.tables.runs import Run
from agents_backend.db.tables.users import User
from agents_backend.db.users import visible
from agents_backend.domain.credits import ZERO, EntryKind
from agents_backend.domain.rights import Reach

MOST = Decimal(10) ** 10  # of one account
_COLUMNS = (
    "user_id, kind, amount, reserved, run_id, run_kind, key, source, name, calls, input_tokens, output_tokens, "
    "characters, cost_usd, credits, actor_id, reason, created_at"
)
_NO_USE = "'', '', 0, 0, 0, 0, 0, 0"

_RESERVE = text(
    f"""
    with paid as (
        update credit_accounts set balance = balance - :amount, reserved = reserved + :amount, updated_at = now()
        where user_id = :user_id and balance >= :amount returning user_id
    )
    insert into credit_entries ({_COLUMNS})
    select user_id, 'reserve', -:amount, :amount, :run_id, :run_kind, null, {_NO_USE}, null, '', now() from paid
    returning id
    """  # noqa: S608  # constants
)
_OPEN = text(
    f"""
    with made as (
        insert into credit_accounts (user_id, balance, reserved, updated_at) values (:user_id, :amount, 0, now())
        on conflict (user_id) do nothing returning user_id, balance
    )
    insert into credit_entries ({_COLUMNS})
    select user_id, 'grant', balance, 0, null, '', null, {_NO_USE}, null, :reason, now() from made where balance > 0
    """  # noqa: S608  # constants
)
_GRANT = text(
    f"""
    with paid as (
        update credit_accounts set balance = balance + :amount, updated_at = now()
        where user_id = :user_id and balance <= :most returning user_id
    )
    insert into credit_entries ({_COLUMNS})
    select user_id, 'grant', :amount, 0, null, '', null, {_NO_USE}, :actor_id, :reason, now() from paid
    returning id
    """  # noqa: S608  # constants
)
# An entry whose key the run has already is not written again, and its amount is not counted.
_SETTLE = text(
    f"""
    with written as (
        insert into credit_entries ({_COLUMNS})
        select :user_id, kind, amount, reserved, :run_id, :run_kind, key, source, name, calls, input_tokens,
            output_tokens, characters, cost_usd, credits, null, '', now()
        from jsonb_to_recordset(cast(:entries as jsonb)) as given(
            kind text, amount numeric, reserved numeric, key text, source text, name text, calls int,
            input_tokens bigint, output_tokens bigint, characters bigint, cost_usd numeric, credits numeric
        )
        on conflict (run_id, key) do nothing returning amount, reserved
    ), moved as (select coalesce(sum(amount), 0) as amount, coalesce(sum(reserved), 0) as reserved from written)
    update credit_accounts as account
    set balance = account.balance + moved.amount, reserved = account.reserved + moved.reserved, updated_at = now()
    from moved where account.user_id = :user_id and (moved.amount <> 0 or moved.reserved <> 0)
    """  # noqa: S608  # constants
)


@dataclass(frozen=True)
class UseFilter:
    """Whose use, and of what time. A day is UTC's."""

    user_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class CreditRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def reserve(self, run: Run, amount: Decimal) -> bool:
        """Set credits aside for a run; False when there are fewer."""
        given = {"user_id": run.user_id, "run_id": run.id, "run_kind": run.kind, "amount": amount}
        return await self._session.scalar(_RESERVE, given) is not None

    async def open(self, user_id: int, initial: Decimal) -> None:
        """Make the account, unless it is there, with what everybody begins with."""
        given = {"user_id": user_id, "amount": initial, "reason": "what everybody begins with"}
        await self._session.execute(_OPEN, given)

    async def grant(self, user_id: int, amount: Decimal, *, actor_id: int, reason: str) -> int | None:
        """Add credits to an account that is there; the entry's id, or None where it would have more than `MOST`."""
        given = {"user_id": user_id, "amount": amount, "actor_id": actor_id, "reason": reason}
        made: int | None = await self._session.scalar(_GRANT, {**given, "most": MOST - amount})
        return made

    async def settle(self, run: Run, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write a run's last entries, each once by its `key`, and move what they say in the account."""
        given = {"user_id": run.user_id, "run_id": run.id, "run_kind": run.kind}
        await self._session.execute(_SETTLE, {**given, "entries": json.dumps(entries, default=str)})

    async def locked_balance(self, user_id: int) -> Decimal:
        """What is free, kept from other writers until the transaction ends."""
        query = select(CreditAccount.balance).where(CreditAccount.user_id == user_id).with_for_update()
        return await self._session.scalar(query) or ZERO

    async def account(self, user_id: int) -> CreditAccount | None:
        return await self._session.get(CreditAccount, user_id)

    async def unsettled(self, *, limit: int) -> list[uuid.UUID]:
        """Runs that have ended and still have credits reserved."""
        query = select(Run.id).where(Run.credits_reserved > 0, Run.finished_at.is_not(None))
        return list((await self._session.scalars(query.limit(limit))).all())


_TOTAL = "_total"
_SUMS = (
    func.sum(CreditEntry.calls).label("calls"),
    func.sum(CreditEntry.input_tokens).label("input_tokens"),
    func.sum(CreditEntry.output_tokens).label("output_tokens"),
    func.sum(CreditEntry.characters).label("characters"),
    func.sum(CreditEntry.cost_usd).label("cost_usd"),
    func.sum(CreditEntry.credits).label("credits"),
    (-func.sum(CreditEntry.amount)).label("charged"),
)
_PARTS = func.json_agg(
    aggregate_order_by(
        func.json_build_object(
            *("source", CreditEntry.source, "name", CreditEntry.name, "calls", CreditEntry.calls),
            *("input_tokens", CreditEntry.input_tokens, "output_tokens", CreditEntry.output_tokens),
            *("characters", CreditEntry.characters, "cost_usd", CreditEntry.cost_usd),
            *("credits", CreditEntry.credits, "charged", -CreditEntry.amount),
        ),
        CreditEntry.id,
    )
).label("parts")
_DAY = cast(func.timezone("UTC", CreditEntry.created_at), Date)
DIMENSIONS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "user": (CreditEntry.user_id.label("user_id"), User.username.label("username")),
    "model": (CreditEntry.source.label("source"), CreditEntry.name.label("name")),
    "day": (_DAY.label("day"),),
}


def _charges(wanted: UseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [CreditEntry.kind == EntryKind.CHARGE]
    if wanted.user_id is not None:
        found.append(CreditEntry.user_id == wanted.user_id)
    if wanted.since is not None:
        found.append(CreditEntry.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(CreditEntry.created_at < wanted.until)
    return found


async def by_run(session: AsyncSession, wanted: UseFilter, part: Slice) -> Found:
    """Use by run, the last one first; each with its models, tools and voices."""
    query = select(
        CreditEntry.run_id,
        CreditEntry.run_kind.label("kind"),
        func.max(CreditEntry.created_at).label("created_at"),
        *_SUMS,
        _PARTS,
    )
    query = query.where(*_charges(wanted)).group_by(CreditEntry.run_id, CreditEntry.run_kind)
    return await _grouped(session, query, (func.max(CreditEntry.id).desc(),), part)


async def summed(session: AsyncSession, reach: Reach, wanted: UseFilter, by: Sequence[str], part: Slice) -> Found:
    """Use of those within reach, summed by some of `DIMENSIONS`; the newest day first, then the dearest."""
    columns = [column for name in by for column in DIMENSIONS[name]]
    groups = [column.element for column in columns]
    runs = func.count(CreditEntry.run_id.distinct()).label("runs")
    query = select(*columns, runs, *_SUMS).join(User, User.id == CreditEntry.user_id)
    query = query.where(*_charges(wanted), visible(reach)).group_by(*groups)
    newest = [_DAY.desc()] if "day" in by else []
    return await _grouped(session, query, (*newest, func.sum(CreditEntry.credits).desc(), *groups), part)


async def accounts(session: AsyncSession, reach: Reach, initial: Decimal, part: Slice) -> Found:
    """The people within reach and what they have, the account that moved last first; `initial` where there is none yet."""
    query = select(
        User.id.label("user_id"),
        User.username,
        func.coalesce(CreditAccount.balance, initial).label("balance"),
        func.coalesce(CreditAccount.reserved, 0).label("reserved"),
        CreditAccount.updated_at,
    )
    query = query.outerjoin(CreditAccount, CreditAccount.user_id == User.id)
    query = query.where(User.deleted_at.is_(None), visible(reach))
    return await _grouped(session, query, (CreditAccount.updated_at.desc().nulls_last(), User.id), part)


async def ledger(session: AsyncSession, user_id: int, part: Slice) -> Found:
    """A user's movements, the last one first."""
    columns = ("id", "kind", "amount", "reserved", "run_id", "run_kind", "source", "name", "credits", "reason")
    query = select(*(getattr(CreditEntry, name) for name in columns), CreditEntry.created_at)
    return await _grouped(session, query.where(CreditEntry.user_id == user_id), (CreditEntry.id.desc(),), part)


async def _grouped(session: AsyncSession, query: Select[*tuple[Any, ...]], order: Sequence[Any], part: Slice) -> Found:
    """A page of a query of any kind, and how many rows the whole of it has: one statement, or two behind its end."""
    paged = query.add_columns(func.count().over().label(_TOTAL)).order_by(*order)
    found = await rows(session, paged.offset(part.offset).limit(part.size))
    if found or not part.offset:
        total = found[0][_TOTAL] if found else 0
    else:
        total = await session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return Found([{key: row[key] for key in row if key != _TOTAL} for row in found], total)
