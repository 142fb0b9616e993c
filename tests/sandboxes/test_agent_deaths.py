"""kill -9 of the worker of an agent: in the middle of its command, and between what was attached and the command."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from agents_backend.domain.attachments import MARKS
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.processes import Process
from tests.sandbox_host.running_host import RunningHost
from tests.sandboxes.conftest import e2b_of
from tests.serving import serving
from tests.streams import body, read

pytestmark = pytest.mark.faults
SECONDS = 150
COMMAND = "echo x >> times; touch begun; until [ -e go ]; do sleep 0.05; done; echo ran $(wc -l < times) times; exit 5"


@dataclass
class House:
    """An API, and a worker that can be killed: a process of its own."""

    client: httpx.AsyncClient
    model: FakeOpenAI
    worker: Process

    async def killed_when(self, command: str, mark: str, **more) -> tuple[str, asyncio.Task]:
        """A run with one command, whose worker is killed when there is a file `mark` in its sandbox; the sandbox, and its events to come."""
        self.model.script(f"[toolloop=99 shell_run {json.dumps({'command': command})}]", "[say=done]")
        events = asyncio.create_task(self._events(body("do it", **more)))
        sandbox = await self._sandbox()
        where = f"/agent/sandboxes/{sandbox}/download"
        while (await self.client.get(where, params={"path": mark})).status_code != 200:
            await asyncio.sleep(0.05)
        self.worker.kill()
        self.worker.start()
        return sandbox, events

    async def _events(self, asked: dict) -> list[dict]:
        async with self.client.stream("POST", "/agent/agent/stream", json=asked) as response:
            events = [event for _, event in await read(response)]
        assert events[-1]["type"] == "RUN_FINISHED", events[-1]
        return events

    async def _sandbox(self) -> str:
        while True:
            found = (await self.client.get("/agent/sandboxes", params={"status": "running"})).json()["items"]
            if found:
                return found[0]["sandbox_id"]
            await asyncio.sleep(0.05)


def result(events: list[dict]) -> dict:
    [told] = [json.loads(event["content"]) for event in events if event["type"] == "TOOL_CALL_RESULT"]
    return told


@pytest.fixture(scope="module")
async def house(host: RunningHost, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    data = tmp_path_factory.mktemp("data")
    async with (
        running_stack() as stack,
        FakeOpenAI() as model,
        serving(settings_for(stack, e2b=e2b_of(host), data_dir=data), worker=False) as client,
    ):
        models = json.dumps([{"name": "fake", "model": "fake", "base_url": model.base_url}])
        e2b = {f"E2B_{name.upper()}": value for name, value in host.options.items()}
        more = {"MODEL_LIST": models, "DATA_DIR": str(data)}
        worker = Process("worker", "--queues", "chat,sandbox", environment={**stack.environment(), **e2b, **more})
        worker.start()
        yield House(client, model, worker)
        worker.kill()


async def test_a_command_of_an_agent_whose_worker_is_killed_runs_once_and_its_output_arrives(house: House):
    async with asyncio.timeout(SECONDS):
        sandbox, events = await house.killed_when(COMMAND, "/home/user/begun")
        go = {"sandbox_id": sandbox, "path": "/home/user/go", "content": ""}
        assert (await house.client.post("/agent/sandboxes/write-file", json=go)).is_success
        told = result(await events)
        await house.client.delete(f"/agent/sandboxes/{sandbox}")
    assert (told["exit_code"], told["output"]) == (5, "ran 1 times\n")


async def test_an_attached_file_is_there_once_when_the_worker_is_killed_between_its_copy_and_the_command(house: House):
    data = "n\n" + "1\n" * 1_000_000
    command = "echo x >> times; wc -l < times; find uploads -type f | wc -l; cat uploads/*/n.csv | wc -c"
    async with asyncio.timeout(SECONDS):
        file = (await house.client.post("/agent/files/upload", files={"file": ("n.csv", data)})).json()
        sandbox, events = await house.killed_when(command, MARKS, file_ids=[file["id"]])
        found = await events
        await house.client.delete(f"/agent/sandboxes/{sandbox}")
    assert result(found)["output"].split() == ["1", "1", str(len(data))]
    assert [event.get("name") for event in found].count("attachment.copied") == 1
