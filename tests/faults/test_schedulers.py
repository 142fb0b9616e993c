"""Schedulers when a part of the house is gone: between the row and its Schedule, at the time of a fire, in Temporal itself."""

import asyncio
import json
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import update
from temporalio.service import RPCError

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.integrations.temporal import connect
from agents_backend.services.administrator import ensure_administrator
from agents_backend.settings import Settings
from agents_backend.stack.stack import Stack
from tests.conftest import running_stack, settings_for
from tests.fakes.http_server import FakeHttp
from tests.faults import dying_schedulers
from tests.processes import Process
from tests.running import running_api, running_worker
from tests.schedulers import (
    BASE,
    calling,
    create,
    delete,
    ended,
    friendly,
    interval,
    never,
    run_now,
    runs_of,
    signed_in,
    until,
    upkeep_now,
)

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
async def own_stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
async def own_settings(own_stack: Stack) -> Settings:
    return friendly(settings_for(own_stack))


@pytest.fixture(scope="module")
async def own_database(own_settings: Settings) -> AsyncIterator[Database]:
    await asyncio.to_thread(upgrade, own_settings.database.url.get_secret_value())
    async with Database(own_settings.database) as database:
        await ensure_administrator(database, own_settings)
        yield database


@pytest.fixture(scope="module")
async def admin(own_settings: Settings, own_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with running_api(own_settings) as url, signed_in(url, "admin") as client:
        yield client


@pytest.fixture
async def web() -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as fake:
        yield fake


async def die(stack: Stack, when: str, what: str, scheduler_id: str, body: dict) -> None:
    arguments = (when, what, scheduler_id, json.dumps(body))
    process = Process(*arguments, environment=stack.environment(), main=dying_schedulers.main)
    process.start()
    assert await asyncio.to_thread(process.wait) == -signal.SIGKILL


async def sweep(settings: Settings, database: Database, done: Callable[[], Awaitable[bool]]) -> None:
    """Let the sweep find the changes as if they were older, until it has mended them."""
    temporal = await connect(settings)
    async with database.transaction() as session:
        await session.execute(update(Scheduler).values(changed_at=Scheduler.changed_at - timedelta(minutes=1)))
    await upkeep_now(temporal, "sweep_schedulers")
    await until(done)


async def note(settings: Settings, scheduler_id: str) -> str | None:
    temporal = await connect(settings)
    try:
        return (await temporal.get_schedule_handle(f"schedule-{scheduler_id}").describe()).schedule.state.note
    except RPCError:
        return None


async def test_a_process_killed_between_the_row_and_the_schedule_leaves_nothing_apart(
    admin, own_stack, own_settings, own_database
):
    async def noted(text: str | None) -> bool:
        async with own_database.transaction() as session:
            row = await SchedulerRepository(session).locked(uuid.UUID(made["id"]))
        synced = row is None if text is None else row.synced_version == row.version
        return synced and await note(own_settings, made["id"]) == text

    async with running_worker(own_settings, ["background"]):
        await die(own_stack, "before", "create", str(uuid.UUID(int=0)), never(name="mortal"))
        (made,) = (await admin.get(BASE, params={"name": "mortal"})).json()["items"]
        assert await note(own_settings, made["id"]) is None
        await sweep(own_settings, own_database, lambda: noted("v1 mortal"))
        await die(own_stack, "after", "update", made["id"], {"remark": "changed"})
        assert await note(own_settings, made["id"]) == "v2 mortal"
        await sweep(own_settings, own_database, lambda: noted("v2 mortal"))
        await die(own_stack, "before", "delete", made["id"], {})
        assert (await admin.get(f"{BASE}/{made['id']}")).status_code == 404
        assert await note(own_settings, made["id"]) == "v2 mortal"
        await sweep(own_settings, own_database, lambda: noted(None))


async def test_a_schedule_that_somebody_deleted_or_that_has_no_row_is_put_right_by_the_audit(
    admin, own_settings, own_database
):
    made, lost = await create(admin, never(name="deleted by hand")), await create(admin, never(name="without a row"))
    temporal = await connect(own_settings)
    await temporal.get_schedule_handle(f"schedule-{made['id']}").delete()
    async with own_database.transaction() as session:
        row = await SchedulerRepository(session).locked(uuid.UUID(lost["id"]))
        await session.delete(row)
    async with running_worker(own_settings, ["background"]):

        async def right() -> bool:
            # The audit's own schedule comes round in minutes; the list that it reads may lag.
            await temporal.get_schedule_handle("upkeep-audit_schedulers").trigger()
            await asyncio.sleep(0.5)
            return (await note(own_settings, made["id"])) is not None and (await note(own_settings, lost["id"])) is None

        await until(right)
    assert await note(own_settings, made["id"]) == "v1 deleted by hand"
    await delete(admin, made)


async def test_a_fire_with_no_worker_up_is_run_when_one_comes(admin, own_settings, web):
    scheduler = await create(admin, interval(**calling(f"{web.url}/late"), one_off=True))
    by_hand = await create(admin, never(**calling(f"{web.url}/hand")))
    asked = await run_now(admin, by_hand)
    temporal = await connect(own_settings)

    async def fired() -> bool:
        found = await temporal.get_schedule_handle(f"schedule-{scheduler['id']}").describe()
        return found.info.num_actions == 1

    await until(fired)
    assert web.received == []
    assert await runs_of(admin, scheduler) == []
    assert [run["status"] for run in await runs_of(admin, by_hand)] == ["pending"]
    async with running_worker(own_settings, ["background"]):
        (run,) = await ended(admin, scheduler)
        (hand,) = await ended(admin, by_hand)
    assert (run["status"], len(web.at("/late"))) == ("succeeded", 1)
    assert (hand["id"], hand["status"]) == (asked["id"], "succeeded")


async def test_temporal_killed_and_restarted_fires_each_time_once(admin, own_settings, own_database, own_stack, web):
    async with running_worker(own_settings, ["background"]):
        scheduler = await create(admin, interval(**calling(f"{web.url}/each"), overlap="allow_all"))
        await ended(admin, scheduler, 2)
        own_stack.temporal.kill()
        async with asyncio.timeout(60):  # down while at least three of its times pass
            gone = datetime.now().astimezone()
            while datetime.now().astimezone() - gone < timedelta(seconds=3.5):
                refused = await admin.post(f"{BASE}/{scheduler['id']}/run")
                assert refused.status_code == 503, refused.text
                assert refused.headers["Retry-After"]
        accepted = await create(admin, never(name="made without Temporal"))
        await own_stack.temporal.start()

        async def caught_up() -> list[datetime]:
            found = [run for run in await runs_of(admin, scheduler) if run["trigger"] == "schedule"]
            times = sorted(datetime.fromisoformat(run["scheduled_for"]) for run in found)
            complete = len(set(times)) == int((times[-1] - times[0]).total_seconds()) + 1
            return times if complete and times[-1] > gone + timedelta(seconds=6) else []

        times = await until(caught_up, 60)
        await delete(admin, scheduler)

        async def healed() -> bool:
            return await note(own_settings, accepted["id"]) is not None

        await sweep(own_settings, own_database, healed)
    assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))]
