"""kill -9 of the worker, and of each server, in the middle of an answer: the run ends with the right text, told once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack
from api.app import create_app
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI

pytestmark = pytest.mark.faults
TOKENS = 200
EXPECTED = "".join(f"tok{number} " for number in range(TOKENS)).strip()


@pytest.fixture(scope="module")
async def own_stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


class WorkerProcess:
    """A worker as it is deployed: a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "agents_backend.cli", "worker", "--queues", "chat"]
        self._process = subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def worker_process(own_stack: Stack, fake_model: FakeOpenAI) -> Iterator[WorkerProcess]:
    models = json.dumps([{"name": "fake", "model": "fake", "base_url": fake_model.base_url}])
    process = WorkerProcess({**os.environ, **own_stack.environment(), "MODEL_LIST": models})
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
async def fault_client(own_stack: Stack, worker_process: WorkerProcess) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_for(own_stack)
    await asyncio.to_thread(upgrade, own_stack.environment()["DATABASE_URL"])
    async with Database(settings.database) as database:
        await seed(database, settings)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=port, log_config=None, ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:
        answer = await client.post("/admin/auth/login", json={"username": "admin", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
    server.should_exit = True
    await task


async def kill_worker(stack: Stack, worker: WorkerProcess) -> None:
    worker.kill()
    worker.start()


async def kill_redis(stack: Stack, worker: WorkerProcess) -> None:
    stack.redis.kill()
    await stack.redis.start()


async def kill_postgres(stack: Stack, worker: WorkerProcess) -> None:
    stack.postgres.kill()
    await stack.postgres.start()


async def kill_temporal(stack: Stack, worker: WorkerProcess) -> None:
    stack.temporal.kill()
    await stack.temporal.start()


@pytest.mark.parametrize("fault", [kill_worker, kill_redis, kill_postgres, kill_temporal])
async def test_a_run_ends_with_the_right_text_told_once_when_a_part_is_killed(
    fault, fault_client: httpx.AsyncClient, own_stack: Stack, worker_process: WorkerProcess
):
    payload = {"messages": [{"role": "user", "content": f"{fault.__name__} [tokens={TOKENS} delay=15]"}]}
    ids, events, struck = [], [], False
    async with fault_client.stream("POST", "/agent/chat/stream", json=payload) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                ids.append(tuple(int(part) for part in line[4:].split("-")))
            elif line.startswith("data: "):
                events.append(json.loads(line[6:]))
            if len(events) > 10 and not struck:
                struck = True
                await fault(own_stack, worker_process)
    assert ids == sorted(set(ids))
    assert events[-1]["type"] == "RUN_FINISHED"
    assert events[-1]["outcome"]["type"] == "success"
    withdrawn = [e["value"]["messageId"] for e in events if e.get("name") == "message.discarded"]
    told = [e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT" and e["messageId"] not in withdrawn]
    assert "".join(told).strip() == EXPECTED
    thread = response.headers["X-Thread-Id"]
    stored = (await fault_client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert stored[1]["content"] == "".join(told)
