"""The API and a worker with the embedded sandbox host beside them, a process as it is deployed."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from agents_backend.db.base import Database
from agents_backend.db.tables import User
from agents_backend.integrations.sandboxes import Boxes
from agents_backend.settings import AgentSettings, E2BSettings, SandboxSettings, Settings
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack
from api.app import create_app
from tests.conftest import PASSWORD, settings_for
from workers.main import run as run_worker

KEY = "e2b_0123456789abcdef"


class HostProcess:
    """The sandbox host. It is killed as a machine would be, and finds its sandboxes again."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder, self._log = free_port(), folder, folder / "host.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> E2BSettings:
        url = f"http://127.0.0.1:{self.port}"
        return E2BSettings(api_key=KEY, api_url=url, sandbox_url=url)

    async def start(self) -> None:
        environment = {
            **os.environ,
            "SANDBOX_HOST_DATA_DIR": str(self._folder),
            "SANDBOX_HOST_PORT": str(self.port),
            "SANDBOX_HOST_API_KEY": KEY,
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox_host"], env=environment, stderr=log, start_new_session=True
            )
        async with httpx.AsyncClient(headers={"X-API-KEY": KEY}) as client:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    reason = self._log.read_text(errors="replace").strip().splitlines()[-1:]
                    pytest.skip(f"the sandbox host cannot run here: {' '.join(reason)}")
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/v2/sandboxes")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
            else:
                pytest.fail("the sandbox host did not answer in 60 s")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
async def host() -> AsyncIterator[HostProcess]:
    with tempfile.TemporaryDirectory(prefix="agents-backend-host-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        host = HostProcess(Path(folder))
        await host.start()
        yield host
        host.stop()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The API as its users reach it."""
    port = free_port()
    config = uvicorn.Config(
        create_app(settings), host="127.0.0.1", port=port, log_config=None, lifespan="on", ws="none"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def working(settings: Settings, queues: list[str]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(settings, queues, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await task


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
def sandbox_settings(stack: Stack, host: HostProcess) -> Settings:
    return settings_for(
        stack,
        e2b=host.settings,
        sandboxes=SandboxSettings(per_user=60),
        agents=AgentSettings(fetch_allow_loopback=True),
    )


@pytest.fixture(scope="module")  # a module's worker ends with it: another module's may be for another E2B
async def sandbox_url(sandbox_settings: Settings, database: Database) -> AsyncIterator[str]:
    async with serving(sandbox_settings) as url, working(sandbox_settings, ["sandbox"]):
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
def boxes(host: HostProcess) -> Boxes:
    """E2B as seen beside our back."""
    return Boxes(host.settings, SandboxSettings())


@pytest.fixture
async def sandbox(client: httpx.AsyncClient) -> AsyncIterator[str]:
    """The id of a sandbox of one's own."""
    made = await client.post("/agent/sandboxes", json={})
    assert made.status_code == 201, made.text
    yield made.json()["sandbox_id"]
    await client.delete(f"/agent/sandboxes/{made.json()['sandbox_id']}")


@pytest.fixture(scope="module")
async def strict_url(stack: Stack, host: HostProcess, sandbox_url: str) -> AsyncIterator[str]:
    """An API that fetches from public addresses alone, as it is deployed; the worker is the other one's."""
    async with serving(settings_for(stack, e2b=host.settings, sandboxes=SandboxSettings(per_user=60))) as url:
        yield url


@pytest.fixture
async def strict(strict_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(strict_url) as client:
        yield client


@pytest.fixture
async def strict_sandbox(sandbox: str) -> str:
    """The same user's, by way of the other API."""
    return sandbox
