"""Records the histories of `scenarios` through the real stack: `make replays`.

Do so when a workflow is changed on purpose and nothing in flight has to survive the change (else use `workflow.patched`, and
keep the old histories). The files say what a worker of that day decided; the test holds today's code to it.
"""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from temporalio.client import WorkflowFailureError

from agents_backend.contracts.queues import CHAT
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.integrations.temporal import connect
from agents_backend.services.users import ensure_administrator
from agents_backend.settings import ModelConfig, ModelSettings, Settings
from agents_backend.stack.process import free_port
from api.app import create_app
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from workers.main import run as run_worker

HISTORIES = Path(__file__).parent / "histories"
STREAM = "/agent/chat/stream"
HELD = {"interrupt_before_tools": ["current_time"]}


async def chat(client: httpx.AsyncClient, text: str, **more: Any) -> str:
    """Ask and read to the end; the run's id."""
    async with client.stream(
        "POST", STREAM, json={"messages": [{"role": "user", "content": text}], **more}
    ) as response:
        assert response.status_code == 200, await response.aread()
        await response.aread()
        return response.headers["X-Run-Id"]


async def plain_chat(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await chat(client, "hello [tokens=3 delay=1]")


async def two_parallel_tools(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await chat(client, 'both [tool:current_time {}] [tool:current_time {"timezone": "Asia/Tokyo"}]')


async def approval_with_edit(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    run_id = await chat(client, 'time [tool:current_time {"timezone": "UTC"}]', **HELD)
    return await resume(client, run_id, decision="edit", answers={"timezone": "Asia/Tokyo"})


async def plan_review(client: httpx.AsyncClient, fake: FakeOpenAI) -> str:
    """A plan that is sent back once, then approved, then researched with a tool and reported."""
    fake.script("[say=no plan]", "[say=no plan either]", "[tool:current_time {}]", "[say=found]", "[say=the report]")
    run_id = await chat(client, "research this", agent_name="researcher")
    await resume(client, run_id, decision="reject", feedback="shorter")
    return await resume(client, run_id, decision="approve")


async def cancel(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    body = {"messages": [{"role": "user", "content": "long [tokens=2000 delay=20]"}]}
    async with client.stream("POST", STREAM, json=body) as response:
        run_id = response.headers["X-Run-Id"]
        async for line in response.aiter_lines():
            if "TEXT_MESSAGE_CONTENT" in line:
                await client.post(f"/agent/runs/{run_id}/cancel")
                break
    return run_id


async def model_failure(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await chat(client, "refuse [error=400]")


SCENARIOS: tuple[Callable[[httpx.AsyncClient, FakeOpenAI], Awaitable[str]], ...] = (
    plain_chat,
    two_parallel_tools,
    approval_with_edit,
    plan_review,
    cancel,
    model_failure,
)


async def resume(client: httpx.AsyncClient, run_id: str, **answer: Any) -> str:
    resumed = await client.post(f"/agent/runs/{run_id}/resume", json=answer)
    assert resumed.status_code == 200, resumed.text
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as response:
        await response.aread()
    return run_id


@asynccontextmanager
async def everything() -> AsyncIterator[tuple[httpx.AsyncClient, FakeOpenAI, Settings]]:
    async with running_stack() as stack, FakeOpenAI() as fake:
        model = ModelConfig(name="fake", model="fake", base_url=fake.base_url)
        settings = settings_for(stack, log_level="ERROR", models=ModelSettings(list=(model,)))
        await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
        async with Database(settings.database) as database:
            await ensure_administrator(database, settings)
        stop, port = asyncio.Event(), free_port()
        worker = asyncio.create_task(run_worker(settings, [CHAT], stop=stop))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), port=port, log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:
            login = {"username": "admin", "password": PASSWORD}
            token = (await client.post("/admin/auth/login", json=login)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client, fake, settings
        stop.set()
        server.should_exit = True
        await asyncio.gather(worker, serving)


def without_this_machine(value: Any) -> Any:
    """The same without host names and process ids, which Temporal writes into every event."""
    if isinstance(value, list):
        return [without_this_machine(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    cleaned = {name: without_this_machine(inner) for name, inner in value.items()}
    if "identity" in cleaned:
        cleaned["identity"] = "worker"
    if cleaned.get("kind") == "TASK_QUEUE_KIND_STICKY":
        cleaned["name"] = "sticky"
    return cleaned


async def record() -> None:
    shutil.rmtree(HISTORIES, ignore_errors=True)
    HISTORIES.mkdir()
    async with everything() as (client, fake, settings):
        temporal = await connect(settings.temporal)
        for scenario in SCENARIOS:
            handle = temporal.get_workflow_handle(f"chat-{await scenario(client, fake)}")
            with contextlib.suppress(WorkflowFailureError):  # a cancelled one ends so
                await handle.result()
            history = without_this_machine((await handle.fetch_history()).to_json_dict())
            path = HISTORIES / f"{scenario.__name__}.json"
            path.write_text(json.dumps(history, indent=1) + "\n")
            print(f"{path.name}: {len(history['events'])} events, {path.stat().st_size} bytes", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(record())
