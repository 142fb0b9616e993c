"""Schedulers over HTTP: made, fired by Temporal, run by hand, changed under way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
import pytest

from agents_backend.db.base import Database, now
from agents_backend.db.tables.users import User
from agents_backend.services.passwords import Passwords
from agents_backend.settings import Settings
from tests.conftest import PASSWORD
from workers.main import run as run_worker

T = TypeVar("T")
BASE = "/task/schedulers"
PROMPT = "say it [tokens=2 delay=0]"


@pytest.fixture(scope="module", autouse=True)
async def background(settings: Settings, database: Database) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(settings, ["background"], stop=stop))
    yield
    stop.set()
    await task


@pytest.fixture(scope="module")
async def other(base_url: str, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else, no superuser."""
    async with signed_in(base_url, database, "mallory") as made:
        yield made


def signed_in(base_url: str, database: Database, username: str):
    return _SignedIn(base_url, database, username)


class _SignedIn:
    def __init__(self, base_url: str, database: Database, username: str) -> None:
        self._database, self._username = database, username
        self._client = httpx.AsyncClient(base_url=f"{base_url}/api/v1", timeout=30)

    async def __aenter__(self) -> httpx.AsyncClient:
        passwords = Passwords(1)
        hashed = await passwords.hash(PASSWORD)
        passwords.close()
        async with self._database.transaction() as session:
            session.add(User(username=self._username, nickname="", password_hash=hashed))
        answer = await self._client.post("/admin/auth/login", json={"username": self._username, "password": PASSWORD})
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


def interval(every: int = 1, **more):
    body = {
        "name": "often",
        "task": "agent_prompt",
        "kwargs": {"prompt": PROMPT},
        "type": "interval",
        "interval_every": every,
        "interval_period": "seconds",
    }
    return {**body, **more}


def never(**more):
    """One whose own times are far away."""
    return interval(**{"interval_every": 52, "interval_period": "weeks", **more})


async def create(client: httpx.AsyncClient, body: dict) -> dict:
    answer = await client.post(BASE, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def runs_of(client: httpx.AsyncClient, scheduler: dict) -> list[dict]:
    answer = await client.get(f"{BASE}/{scheduler['id']}/runs", params={"size": 200})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def until(ask: Callable[[], Awaitable[T]], seconds: float = 45) -> T:
    """The first answer that is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await ask()):
        assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.1)
    return found


async def ended(client: httpx.AsyncClient, scheduler: dict, count: int = 1) -> list[dict]:
    async def ask() -> list[dict]:
        found = [run for run in await runs_of(client, scheduler) if run["finished_at"]]
        return found if len(found) >= count else []

    return await until(ask)


async def test_a_scheduler_fires_by_its_interval_and_its_runs_are_chats_of_its_owner(client):
    scheduler = await create(client, interval())
    assert scheduler["next_run_time"]
    runs = await ended(client, scheduler, 2)
    assert {run["status"] for run in runs} == {"succeeded"}
    assert len({run["scheduled_for"] for run in runs}) == len(runs)
    run = (await client.get(f"/agent/runs/{runs[-1]['run_id']}")).json()
    assert (run["kind"], run["status"]) == ("chat", "succeeded")
    said = (await client.get(f"/agent/threads/{run['thread_id']}/messages")).json()["items"]
    assert said[0]["content"] == PROMPT
    assert (await client.delete(f"{BASE}/{scheduler['id']}")).status_code == 204
    assert (await client.get(f"{BASE}/{scheduler['id']}")).status_code == 404


async def test_what_is_created_is_told_in_the_contract_s_fields(client):
    body = never(name="exact", timezone="Europe/Berlin", remark="mine", one_off=True, overlap="buffer_one")
    answer = await client.post(BASE, json=body)
    made = answer.json()
    assert answer.headers["Location"].endswith(made["id"])
    assert answer.headers["ETag"] == '"1"'
    for name, value in body.items():
        assert made[name] == value
    assert (made["args"], made["crontab"], made["enabled"], made["total_run_count"]) == ([], None, True, 0)
    assert made["last_run_time"] is None
    assert datetime.fromisoformat(made["next_run_time"]) - now() > timedelta(weeks=51)
    listed = (await client.get(BASE, params={"name": "exact"})).json()
    assert [item["id"] for item in listed["items"]] == [made["id"]]


async def test_run_now_runs_also_one_that_is_off_and_counts(client):
    scheduler = await create(client, never(enabled=False))
    assert scheduler["next_run_time"] is None
    answer = await client.post(f"{BASE}/{scheduler['id']}/run", headers={"Idempotency-Key": f"now-{scheduler['id']}"})
    assert answer.status_code == 202, answer.text
    again = await client.post(f"{BASE}/{scheduler['id']}/run", headers={"Idempotency-Key": f"now-{scheduler['id']}"})
    assert again.json()["id"] == answer.json()["id"]
    (run,) = await ended(client, scheduler)
    assert (run["id"], run["status"], run["trigger"]) == (answer.json()["id"], "succeeded", "manual")
    after = (await client.get(f"{BASE}/{scheduler['id']}")).json()
    assert after["total_run_count"] == 1
    assert after["last_run_time"]
    assert not after["enabled"]
