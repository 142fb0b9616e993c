"""Reserve, extend and settle against the real PostgreSQL: whatever happens at once or half-way, the ledger adds up."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from agents_backend.contracts.turns import RunRef
from agents_backend.db.base import Database, now
from agents_backend.db.credits import CreditRepository
from agents_backend.db.run_parts import RunPartRepository
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.credits import CreditAccount, CreditEntry
from agents_backend.db.tables.runs import Run
from agents_backend.db.tables.users import User
from agents_backend.domain.credits import shared_out
from agents_backend.domain.errors import AgentsError, InsufficientCredits, RunClosed
from agents_backend.domain.runs import RunStatus
from agents_backend.services.launches import ref_of
from agents_backend.services.spending import Spending
from agents_backend.settings import CreditSettings, ModelConfig

# A credit is a dollar here, and a tenth of one is what a step costs.
SETTINGS = CreditSettings(enabled=True, per_usd=1, reserve=1)
MODEL = ModelConfig(name="m", model="m", output_price=100_000, max_output_tokens=1_000)  # 100 dollars an answer


class Purse:
    """A new user with some credits, and what their runs do with them."""

    def __init__(self, database: Database, user_id: int) -> None:
        self.database, self.user_id = database, user_id
        self.spending = Spending(database=database, settings=SETTINGS)

    async def grant(self, amount: str) -> None:
        async with self.database.transaction() as session:
            rows = CreditRepository(session)
            await rows.open(self.user_id, Decimal(0))
            assert await rows.grant(self.user_id, Decimal(amount), actor_id=1, reason="test") is not None

    async def begin(self, spoil: Callable[[object], Awaitable[None]] | None = None) -> RunRef:
        run_id = uuid.uuid4()
        async with self.database.transaction() as session:
            run = Run(id=run_id, user_id=self.user_id, kind="prose", status="running", options={}, leg=1, usage={})
            run.protocol_run_id, run.created_at = str(run_id), now()
            run.credits_reserved = self.spending.first_reserve
            await RunRepository(session).add_run(run)
            await self.spending.begin(session, run)
            if spoil:
                await spoil(session)
        return ref_of(run)

    async def use(self, run: RunRef, cost_usd: float, name: str = "") -> None:
        usage = {"input_tokens": 3, "output_tokens": 2, "cost_usd": cost_usd, "model": "m"}
        async with self.database.transaction() as session:
            await RunPartRepository(session).add(uuid.UUID(run.run_id), name or uuid.uuid4().hex, {}, usage)

    async def end(self, run: RunRef, spoil: Callable[[object], Awaitable[None]] | None = None) -> None:
        async with self.database.transaction() as session:
            row = await RunRepository(session).run(uuid.UUID(run.run_id), lock=True)
            if not RunStatus(row.status).is_final:
                row.status, row.finished_at = RunStatus.SUCCEEDED, now()
                await self.spending.settle_ended(session, row.id)
                if spoil:
                    await spoil(session)

    async def account(self) -> tuple[Decimal, Decimal]:
        async with self.database.transaction() as session:
            found = await CreditRepository(session).account(self.user_id)
        return (found.balance, found.reserved) if found else (Decimal(0), Decimal(0))

    async def from_the_ledger(self) -> tuple[Decimal, Decimal]:
        sums = select(func.sum(CreditEntry.amount), func.sum(CreditEntry.reserved))
        async with self.database.transaction() as session:
            row = (await session.execute(sums.where(CreditEntry.user_id == self.user_id))).one()
        return row[0] or Decimal(0), row[1] or Decimal(0)


@pytest.fixture
async def purse(database: Database) -> Purse:
    return await new_purse(database)


async def new_purse(database: Database) -> Purse:
    async with database.transaction() as session:
        user = User(username=f"purse-{uuid.uuid4().hex[:12]}", nickname="", password_hash="")
        session.add(user)
        await session.flush()
        return Purse(database, user.id)


async def test_a_run_reserves_is_charged_for_its_use_and_gets_the_rest_back(purse):
    await purse.grant("5")
    run = await purse.begin()
    assert await purse.account() == (4, 1)
    await purse.use(run, 0.25)
    await purse.use(run, 0.125)
    await purse.end(run)
    assert await purse.account() == (Decimal("4.625"), 0) == await purse.from_the_ledger()


async def test_without_credits_nothing_begins_and_nothing_is_written(purse, database):
    await purse.grant("0.5")
    with pytest.raises(InsufficientCredits):
        await purse.begin()
    assert await purse.account() == (Decimal("0.5"), 0)
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Run).where(Run.user_id == purse.user_id)) == 0


async def test_what_everybody_begins_with_is_granted_once_however_many_come_at_once(purse, database):
    purse.spending = Spending(database=database, settings=SETTINGS.model_copy(update={"initial": 3}))
    began = await asyncio.gather(*(purse.begin() for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(run, RunRef) for run in began) == 3
    assert await purse.account() == (0, 3) == await purse.from_the_ledger()


async def test_a_run_that_needs_more_reserves_more_while_there_is_any(purse, database):
    await purse.grant("2.5")
    run = await purse.begin()
    await purse.use(run, 0.9)
    await purse.spending.cover(run, 0.3)
    assert await purse.account() == (Decimal("0.5"), 2)  # a good piece at once
    await purse.use(run, 0.9)
    await purse.spending.cover(run, 0.4)
    assert await purse.account() == (Decimal("0.3"), Decimal("2.2"))  # the very amount
    with pytest.raises(InsufficientCredits):
        await purse.spending.cover(run, 0.8)
    await purse.end(run)
    assert await purse.account() == (Decimal("0.7"), 0) == await purse.from_the_ledger()
    with pytest.raises(RunClosed):
        await purse.spending._extend(uuid.UUID(run.run_id), Decimal(5))


async def test_a_model_call_is_paid_for_before_it_is_made(purse, database):
    await purse.grant("150")
    run = await purse.begin()
    async with database.transaction() as session:
        row = await RunRepository(session).run(uuid.UUID(run.run_id))
    await purse.spending.before_model(row, [], MODEL, [])
    assert await purse.account() == (50, 100)
    second = await purse.begin()
    async with database.transaction() as session:
        row = await RunRepository(session).run(uuid.UUID(second.run_id))
    with pytest.raises(InsufficientCredits):
        await purse.spending.before_model(row, [], MODEL, [])


async def test_use_beyond_the_reserve_takes_what_is_left_and_no_more(purse, database):
    await purse.grant("2")
    run = await purse.begin()
    await purse.use(run, 2.5)
    await purse.end(run)
    assert await purse.account() == (0, 0) == await purse.from_the_ledger()
    async with database.transaction() as session:
        query = select(CreditEntry).where(CreditEntry.user_id == purse.user_id, CreditEntry.kind == "charge")
        (charge,) = (await session.scalars(query)).all()
    assert (charge.credits, charge.amount, charge.calls) == (Decimal("2.5"), -2, 1)


async def test_a_run_is_settled_once_even_by_code_that_forgets_to_ask_whether_it_was(purse, database):
    await purse.grant("2")
    run = await purse.begin()
    await purse.use(run, 0.5)
    for _ in range(2):
        async with database.transaction() as session:
            row = await RunRepository(session).run(uuid.UUID(run.run_id), lock=True)
            row.credits_reserved = Decimal(1)
            await purse.spending.settle_ended(session, row.id)
    assert await purse.account() == (Decimal("1.5"), 0) == await purse.from_the_ledger()


async def test_a_run_that_ended_with_credits_reserved_is_settled_by_the_sweep(purse, database):
    await purse.grant("2")
    run = await purse.begin()
    await purse.use(run, 0.25)
    async with database.transaction() as session:
        await RunRepository(session).set_status(uuid.UUID(run.run_id), RunStatus.FAILED, finished_at=now())
    while await purse.spending.sweep(limit=100):
        pass
    assert await purse.account() == (Decimal("1.75"), 0) == await purse.from_the_ledger()


async def test_to_reserve_and_to_settle_is_one_statement_each(purse, database):
    await purse.grant("5")
    run = await purse.begin()
    await purse.use(run, 0.25)
    told: list[str] = []
    listener = lambda *given: told.append(given[2])  # noqa: E731
    async with database.transaction() as session:
        row = await RunRepository(session).run(uuid.UUID(run.run_id), lock=True)
        used = await RunRepository(session).usages(row.id)
        event.listen(database.engine.sync_engine, "before_cursor_execute", listener)
        await purse.spending.begin(session, row)
        await purse.spending.settle(session, purse.spending.bill(row, used))
        event.remove(database.engine.sync_engine, "before_cursor_execute", listener)
    # Beside the update of the run's own row, which its end writes anyway.
    assert len([statement for statement in told if not statement.startswith("UPDATE runs")]) == 2
    assert len(told) == 3


@pytest.mark.parametrize("statement", ["update credit_entries set amount = 0", "delete from credit_entries"])
async def test_the_ledger_cannot_be_changed(statement, purse, database):
    await purse.grant("1")
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await session.execute(text(statement))
    assert await purse.from_the_ledger() == (1, 0)


def test_what_is_available_is_shared_out_in_order():
    wanted = [Decimal(2), Decimal(3), Decimal(1)]
    assert shared_out(wanted, Decimal(9)) == wanted
    assert shared_out(wanted, Decimal(4)) == [2, 2, 0]
    assert shared_out(wanted, Decimal(0)) == [0, 0, 0]


class Crash(Exception):
    """What a transaction dies of."""


async def abort(_session) -> None:
    raise Crash


async def lose_connection(session) -> None:
    """The server ends the connection in the middle of the transaction."""
    await session.execute(text("select pg_terminate_backend(pg_backend_pid())"))


class Chaos:
    """Operations at random, some of which die in the middle."""

    def __init__(self, purses: list[Purse], seed: int) -> None:
        self.purses, self.random = purses, random.Random(seed)
        self.open: list[tuple[Purse, RunRef]] = []
        self.done = self.crashed = self.refused = 0

    def spoil(self) -> Callable[[object], Awaitable[None]] | None:
        return self.random.choices([None, abort, lose_connection], [80, 17, 3])[0]

    async def act(self) -> None:
        purse, kind = self.random.choice(self.purses), self.random.random()
        try:
            if kind < 0.2:
                await purse.grant(str(self.random.randint(1, 300) / 100))
            elif kind < 0.5 or not self.open:
                run = await purse.begin(self.spoil())
                self.open.append((purse, run))
            elif kind < 0.75:
                purse, run = self.random.choice(self.open)
                cost = self.random.randint(1, 900_000) / 1e6
                await purse.spending.cover(run, cost)
                await purse.use(run, cost)
            else:
                purse, run = self.random.choice(self.open)  # maybe one that another task ends as well
                await purse.end(run, self.spoil())
            self.done += 1
        except (AgentsError, Crash, DBAPIError) as error:
            self.refused += isinstance(error, InsufficientCredits)
            self.crashed += isinstance(error, (Crash, DBAPIError))


@pytest.mark.timeout(300)
async def test_after_a_thousand_random_operations_with_crashes_every_balance_is_what_its_ledger_says(settings):
    async with Database(settings.database, pool_size=8) as database:
        purses = [await new_purse(database) for _ in range(5)]
        chaos = Chaos(purses, seed=20261124)

        async def worker() -> None:
            for _ in range(1_000 // 8):
                await chaos.act()

        await asyncio.gather(*(worker() for _ in range(8)))
        assert chaos.done > 500
        assert chaos.crashed > 20
        assert chaos.refused > 10
        await check(database, purses, open_runs=True)
        for purse, run in chaos.open:
            await purse.end(run)
        await check(database, purses, open_runs=False)


async def check(database: Database, purses: list[Purse], *, open_runs: bool) -> None:
    for purse in purses:
        balance, reserved = await purse.account()
        assert (balance, reserved) == await purse.from_the_ledger()
        assert balance >= 0
        async with database.transaction() as session:
            still = await session.scalar(
                select(func.sum(Run.credits_reserved)).where(Run.user_id == purse.user_id, Run.finished_at.is_(None))
            )
            twice = select(CreditEntry.run_id).where(
                CreditEntry.kind == "release", CreditEntry.user_id == purse.user_id
            )
            twice = twice.group_by(CreditEntry.run_id).having(func.count() > 1)
            assert (await session.scalars(twice)).all() == []
            below = await session.scalar(
                select(func.count()).select_from(CreditAccount).where(CreditAccount.balance < 0)
            )
        assert reserved == (still or 0)
        assert below == 0
        assert open_runs or reserved == 0
