"""kill -9 of the worker in the middle of an agent's command: it runs once, and what it said arrives."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from agents_backend.domain.attachments import MARKS
from agents_backend.stack.stack import Stack
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.sandbox_host.running_host import RunningHost
from tests.sandboxes.conftest import e2b_of
from tests.serving import serving
from tests.streams import body, read

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]
COMMAND = "echo x >> times; touch begun; until [ -e go ]; do sleep 0.05; done; echo ran $(wc -l < times) times; exit 5"


def environment_of(stack: Stack, host: RunningHost, model: FakeOpenAI, **more: str) -> dict[str, str]:
    models = json.dumps([{"name": "fake", "model": "fake", "base_url": model.base_url}])
    e2b = {f"E2B_{name.upper()}": value for name, value in host.options.items()}
    return {**os.environ, **stack.environment(), **e2b, "MODEL_LIST": models, **more}


def start_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "agents_backend.cli", "worker", "--queues", "chat,sandbox"]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


async def present(client: httpx.AsyncClient, sandbox: str, path: str) -> None:
    where = f"/agent/sandboxes/{sandbox}/download"
    while (await client.get(where, params={"path": path})).status_code != 200:
        await asyncio.sleep(0.05)


async def the_sandbox(client: httpx.AsyncClient) -> str:
    while True:
        found = (await client.get("/agent/sandboxes", params={"status": "running"})).json()["items"]
        if found:
            return found[0]["sandbox_id"]
        await asyncio.sleep(0.05)


async def test_a_command_of_an_agent_whose_worker_is_killed_runs_once_and_its_output_arrives(host: RunningHost):
    async with (
        running_stack() as stack,
        FakeOpenAI() as model,
        serving(settings_for(stack, e2b=e2b_of(host)), worker=False) as client,
        asyncio.timeout(150),
    ):
        environment = environment_of(stack, host, model)
        model.script(f"[toolloop=99 shell_run {json.dumps({'command': COMMAND})}]", "[say=done]")
        worker = start_worker(environment)
        try:
            async with client.stream("POST", "/agent/agent/stream", json=body("do it")) as response:
                sandbox = await the_sandbox(client)
                await present(client, sandbox, "/home/user/begun")
                kill(worker)
                worker = start_worker(environment)
                go = {"sandbox_id": sandbox, "path": "/home/user/go", "content": ""}
                assert (await client.post("/agent/sandboxes/write-file", json=go)).is_success
                events = [event for _, event in await read(response)]
        finally:
            kill(worker)
    assert events[-1]["type"] == "RUN_FINISHED", events[-1]
    [told] = [json.loads(event["content"]) for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert (told["exit_code"], told["output"]) == (5, "ran 1 times\n")


async def test_an_attached_file_is_there_once_when_the_worker_is_killed_between_its_copy_and_the_command(
    host: RunningHost, tmp_path: Path
):
    async with (
        running_stack() as stack,
        FakeOpenAI() as model,
        serving(settings_for(stack, e2b=e2b_of(host), data_dir=tmp_path), worker=False) as client,
        asyncio.timeout(150),
    ):
        environment = environment_of(stack, host, model, DATA_DIR=str(tmp_path))
        data = "n\n" + "1\n" * 1_000_000
        file = (await client.post("/agent/files/upload", files={"file": ("n.csv", data)})).json()
        command = "echo x >> times; wc -l < times; find uploads -type f | wc -l; cat uploads/*/n.csv | wc -c"
        model.script(f"[toolloop=99 shell_run {json.dumps({'command': command})}]", "[say=done]")
        worker = start_worker(environment)
        try:
            async with client.stream(
                "POST", "/agent/agent/stream", json=body("do it", file_ids=[file["id"]])
            ) as response:
                reading = asyncio.create_task(read(response))
                sandbox = await the_sandbox(client)
                await present(client, sandbox, MARKS)
                kill(worker)
                worker = start_worker(environment)
                events = [event for _, event in await reading]
        finally:
            kill(worker)
    assert events[-1]["type"] == "RUN_FINISHED", events[-1]
    [told] = [json.loads(event["content"]) for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert told["output"].split() == ["1", "1", str(len(data))]
    assert [event.get("name") for event in events].count("attachment.copied") == 1
