"""kill -9 of the worker and of the sandbox host in the middle of things: nothing is run twice, and it works again."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from agents_backend.db.base import Database
from agents_backend.settings import SandboxSettings, Settings
from agents_backend.stack.stack import Stack
from tests.conftest import settings_for
from tests.processes import Process
from tests.sandbox_host.running_host import RunningHost
from tests.sandboxes.conftest import e2b_of, serving, signed_in

pytestmark = pytest.mark.faults
BASE = "/agent/sandboxes"


@pytest.fixture(scope="module")
def worker_process(stack: Stack, host: RunningHost, database: Database) -> Iterator[Process]:
    e2b = {f"E2B_{name.upper()}": value for name, value in host.options.items()}
    process = Process("worker", "--queues", "sandbox", environment={**stack.environment(), **e2b})
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def deployed(stack: Stack, host: RunningHost) -> Settings:
    return settings_for(stack, e2b=e2b_of(host), sandboxes=SandboxSettings(per_user=60))


@pytest.fixture(scope="module")
async def sandbox_url(deployed: Settings, worker_process: Process) -> AsyncIterator[str]:
    """The API alone; the worker is a process."""
    async with serving(deployed) as url:
        yield url


@pytest.fixture
async def client(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(sandbox_url) as client:
        client.timeout = httpx.Timeout(120)
        yield client


async def run(client: httpx.AsyncClient, sandbox: str, command: str, **more) -> httpx.Response:
    return await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command, **more})


async def test_a_command_whose_worker_is_killed_is_awaited_on_and_not_run_twice(
    client: httpx.AsyncClient, sandbox: str, worker_process: Process
):
    command = "echo begun >> /tmp/times; until [ -e /tmp/go ]; do sleep 0.1; done; wc -l < /tmp/times; exit 5"
    waiting = asyncio.create_task(run(client, sandbox, command))
    async with asyncio.timeout(60):
        where = f"{BASE}/{sandbox}/commands"
        while not (found := (await client.get(where)).json()["items"]):
            await asyncio.sleep(0.05)
        while (await client.get(f"{BASE}/{sandbox}/download", params={"path": "/tmp/times"})).status_code != 200:
            await asyncio.sleep(0.05)
    worker_process.kill()
    assert not waiting.done()
    worker_process.start()
    body = {"sandbox_id": sandbox, "path": "/tmp/go", "content": ""}
    assert (await client.post(f"{BASE}/write-file", json=body)).status_code == 200
    done = (await waiting).json()
    assert (done["exit_code"], done["stdout"]) == (5, "1\n"), done
    assert (await client.get(f"{where}/{found[0]['command_id']}")).json()["status"] == "finished"


async def test_a_command_that_nobody_heard_begin_is_not_begun_again(
    client: httpx.AsyncClient, sandbox: str, worker_process: Process
):
    """The worker dies while it waits for the very call that starts the command."""
    waiting = asyncio.create_task(run(client, sandbox, "echo once >> /tmp/count; sleep 2; wc -l < /tmp/count"))
    async with asyncio.timeout(60):
        while (await client.get(f"{BASE}/{sandbox}/download", params={"path": "/tmp/count"})).status_code != 200:
            await asyncio.sleep(0.02)
    worker_process.kill()
    worker_process.start()
    assert (await waiting).json()["stdout"] == "1\n"


async def test_without_the_host_it_is_a_503_within_10_seconds_and_then_works_again(
    client: httpx.AsyncClient, sandbox: str, host: RunningHost
):
    kept = {"sandbox_id": sandbox, "path": "/home/user/kept", "content": "kept"}
    assert (await client.post(f"{BASE}/write-file", json=kept)).status_code == 200
    host.kill()
    try:
        for answer in (
            lambda: run(client, sandbox, "true"),
            lambda: client.post(BASE, json={}),
            lambda: client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/home/user/kept"}),
            lambda: client.get(f"{BASE}/{sandbox}/info"),
        ):
            began = time.monotonic()
            found = await answer()
            assert (found.status_code, found.json()["code"]) == (503, "SANDBOX_UNAVAILABLE"), found.text
            assert time.monotonic() - began < 10  # the issue's own bound
            assert found.headers["Retry-After"]
    finally:
        host.start()
    read = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/home/user/kept"})
    assert (read.status_code, read.json().get("content")) == (200, "kept"), read.text
    ran = await run(client, sandbox, "cat /home/user/kept")
    assert (ran.status_code, ran.json()["stdout"]) == (200, "kept")


async def test_a_command_whose_sandbox_was_booted_anew_is_told_as_lost_and_not_run_again(
    client: httpx.AsyncClient, sandbox: str, host: RunningHost
):
    begun = (await run(client, sandbox, "echo once >> /home/user/n; sleep 600", background=True)).json()
    where = f"{BASE}/{sandbox}/commands/{begun['command_id']}"
    async with asyncio.timeout(60):
        while (await run(client, sandbox, "cat /home/user/n")).json()["stdout"] != "once\n":
            await asyncio.sleep(0.05)
    host.kill()
    host.start()
    async with asyncio.timeout(120):
        while (found := (await client.get(where)).json())["status"] == "running":
            await asyncio.sleep(0.2)
    assert (found["status"], found["error"]["code"]) == ("failed", "COMMAND_LOST")
    assert (await run(client, sandbox, "cat /home/user/n")).json()["stdout"] == "once\n"
