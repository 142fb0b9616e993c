"""The API and a worker with the embedded sandbox host beside them, a process as it is deployed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from agents_backend.db.base import Database
from agents_backend.db.tables import User
from agents_backend.integrations.sandboxes import Boxes
from agents_backend.settings import AgentSettings, E2BSettings, SandboxSettings, Settings
from agents_backend.stack.stack import Stack
from tests.conftest import PASSWORD, settings_for
from tests.running import running_api, running_worker
from tests.sandbox_host.running_host import CannotIsolate, RunningHost


@pytest.fixture(scope="session")
def host() -> Iterator[RunningHost]:
    """The sandbox host, a process as it is deployed, with room for Chromium in its boxes."""
    host = RunningHost(SANDBOX_HOST_DISK_MB="1000", SANDBOX_HOST_MEMORY_MB="1024", SANDBOX_HOST_PROCESSES="512")
    try:
        host.start()
    except CannotIsolate as reason:
        host.remove()
        pytest.skip(f"the sandbox host cannot run here: {reason}")
    yield host
    host.stop()
    host.remove()


def e2b_of(host: RunningHost) -> E2BSettings:
    return E2BSettings(**host.options)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Where the API's routes are."""
    async with running_api(settings) as url:
        yield f"{url}/api/v1"


@asynccontextmanager
async def signed_in(url: str, name: str = "admin") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/admin/auth/login", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


async def add_user(database: Database, name: str) -> None:
    """Another user, with the administrator's password."""
    from sqlalchemy import select  # noqa: PLC0415

    async with database.transaction() as session:
        admin = await session.scalar(select(User).where(User.username == "admin"))
        if await session.scalar(select(User.id).where(User.username == name)) is None:
            session.add(User(username=name, password_hash=admin.password_hash, is_superuser=False, is_enabled=True))


@pytest.fixture(scope="session")
def sandbox_settings(stack: Stack, host: RunningHost) -> Settings:
    return settings_for(
        stack,
        e2b=e2b_of(host),
        sandboxes=SandboxSettings(per_user=60, vscode=True),
        agents=AgentSettings(fetch_allow_loopback=True),
    )


@pytest.fixture(scope="module")  # a module's worker ends with it: another module's may be for another E2B
async def sandbox_url(sandbox_settings: Settings, database: Database) -> AsyncIterator[str]:
    async with running_worker(sandbox_settings, ["sandbox"]), serving(sandbox_settings) as url:
        yield url


@pytest.fixture
async def client(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(sandbox_url) as client:
        yield client


@pytest.fixture
async def stranger(sandbox_url: str, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    await add_user(database, "stranger")
    async with signed_in(sandbox_url, "stranger") as client:
        yield client


@pytest.fixture
def boxes(host: RunningHost) -> Boxes:
    """E2B as seen beside our back."""
    return Boxes(e2b_of(host), SandboxSettings())


@pytest.fixture
async def sandbox(client: httpx.AsyncClient) -> AsyncIterator[str]:
    """The id of a sandbox of one's own."""
    made = await client.post("/agent/sandboxes", json={})
    assert made.status_code == 201, made.text
    yield made.json()["sandbox_id"]
    await client.delete(f"/agent/sandboxes/{made.json()['sandbox_id']}")


@pytest.fixture(scope="module")
async def strict_url(stack: Stack, host: RunningHost, sandbox_url: str) -> AsyncIterator[str]:
    """An API that fetches from public addresses alone, as it is deployed; the worker is the other one's."""
    async with serving(settings_for(stack, e2b=e2b_of(host), sandboxes=SandboxSettings(per_user=60))) as url:
        yield url


@pytest.fixture
async def strict(strict_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(strict_url) as client:
        yield client


@pytest.fixture
async def strict_sandbox(sandbox: str) -> str:
    """The same user's, by way of the other API."""
    return sandbox
