"""What the tests of schedulers share: bodies, waiting, somebody else, an API and a worker that may call loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from temporalio.client import Client
from temporalio.service import RPCError

from agents_backend.db.base import Database
from agents_backend.db.tables.users import User
from agents_backend.services.passwords import Passwords
from agents_backend.settings import Settings
from tests.conftest import PASSWORD

T = TypeVar("T")
BASE = "/task/schedulers"
PROMPT = "say it [tokens=2 delay=0]"


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
    return {**interval(52), "interval_period": "weeks", **more}


def calling(url: str, **more):
    """One that calls an address."""
    return {"task": "http_request", "kwargs": {"url": url}, **more}


async def create(client: httpx.AsyncClient, body: dict) -> dict:
    answer = await client.post(BASE, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def read(client: httpx.AsyncClient, scheduler: dict) -> dict:
    answer = await client.get(f"{BASE}/{scheduler['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def delete(client: httpx.AsyncClient, scheduler: dict) -> None:
    assert (await client.delete(f"{BASE}/{scheduler['id']}")).status_code == 204


async def run_now(client: httpx.AsyncClient, scheduler: dict) -> dict:
    answer = await client.post(f"{BASE}/{scheduler['id']}/run")
    assert answer.status_code == 202, answer.text
    return answer.json()


async def runs_of(client: httpx.AsyncClient, scheduler: dict) -> list[dict]:
    answer = await client.get(f"{BASE}/{scheduler['id']}/runs", params={"size": 200})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def until(ask: Callable[[], Awaitable[T]], seconds: float = 60) -> T:
    """The first answer that is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await ask()):
        assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.1)
    return found


async def upkeep_now(temporal: Client, workflow: str) -> None:
    """Let one of the deployment's own schedules fire, once a worker has made it."""

    async def triggered() -> bool:
        try:
            await temporal.get_schedule_handle(f"upkeep-{workflow}").trigger()
        except RPCError:
            return False
        return True

    await until(triggered, 90)


async def ended(client: httpx.AsyncClient, scheduler: dict, count: int = 1) -> list[dict]:
    """Its runs that have ended, newest first, once there are so many."""

    async def ask() -> list[dict]:
        found = [run for run in await runs_of(client, scheduler) if run["finished_at"]]
        return found if len(found) >= count else []

    return await until(ask)


def friendly(settings: Settings) -> Settings:
    """Settings that let loopback be called."""
    agents = settings.agents.model_copy(update={"fetch_allow_loopback": True})
    return settings.model_copy(update={"agents": agents})


@asynccontextmanager
async def signed_in(url: str, username: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as client:
        answer = await client.post("/admin/auth/login", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


async def add_user(database: Database, username: str) -> None:
    passwords = Passwords(1)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    async with database.transaction() as session:
        session.add(User(username=username, nickname="", password_hash=hashed))
