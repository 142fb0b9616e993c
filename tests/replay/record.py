"""Records the histories of `scenarios` through the real stack: `make replays`.

Do so when a workflow is changed on purpose and nothing in flight has to survive the change (else use `workflow.patched`, and
keep the old histories). The files say what a worker of that day decided; the test holds today's code to it.
"""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowFailureError

from agents_backend.integrations.temporal import connect
from agents_backend.settings import ModelConfig, ModelSettings, SpeechSettings
from tests.conftest import running_stack, settings_for
from tests.fakes.edge_server import FakeEdge
from tests.fakes.openai_server import FakeOpenAI
from tests.replay import media
from tests.serving import serving

HISTORIES = Path(__file__).parent / "histories"
STREAM = "/agent/chat/stream"
LONG = 100  # events after which a run goes on in a new history; the other scenarios stay below
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


async def long_run(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    """One that goes on in a new history, midway."""
    text = 'many [delay=0] [toolloop=12 current_time {"timezone": "UTC"}]'
    return await chat(client, text)


SCENARIOS: tuple[Callable[[httpx.AsyncClient, FakeOpenAI], Awaitable[str]], ...] = (
    *media.SCENARIOS,
    plain_chat,
    two_parallel_tools,
    approval_with_edit,
    plan_review,
    cancel,
    model_failure,
    long_run,
)


async def resume(client: httpx.AsyncClient, run_id: str, **answer: Any) -> str:
    resumed = await client.post(f"/agent/runs/{run_id}/resume", json=answer)
    assert resumed.status_code == 200, resumed.text
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as response:
        await response.aread()
    return run_id


def without_this_machine(value: Any) -> Any:
    """The same without host names, process ids and paths, which Temporal writes into events and failures."""
    if isinstance(value, list):
        return [without_this_machine(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    cleaned = {name: without_this_machine(inner) for name, inner in value.items()}
    if "identity" in cleaned:
        cleaned["identity"] = "worker"
    cleaned.pop("stackTrace", None)
    if cleaned.get("kind") == "TASK_QUEUE_KIND_STICKY":
        cleaned["name"] = "sticky"
    return cleaned


def one_event_a_line(history: dict[str, Any]) -> str:
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in history["events"])
    return f'{{"events":[\n{lines}\n]}}\n'


async def histories_of(temporal: Client, workflow_id: str) -> list[dict[str, Any]]:
    """A run's histories in their order: a long run goes on in a new one."""
    found, execution = [], temporal.get_workflow_handle(workflow_id)
    with contextlib.suppress(WorkflowFailureError):  # a cancelled one ends so
        await execution.result()
    execution_id = (await execution.describe()).raw_description.workflow_execution_info.first_run_id
    while execution_id:
        handle = temporal.get_workflow_handle(workflow_id, run_id=execution_id)
        history = (await handle.fetch_history()).to_json_dict()
        found.append(without_this_machine(history))
        end = history["events"][-1]
        execution_id = end.get("workflowExecutionContinuedAsNewEventAttributes", {}).get("newExecutionRunId")
    return found


async def record() -> None:
    shutil.rmtree(HISTORIES, ignore_errors=True)
    HISTORIES.mkdir()
    limit = f"limit.historyCount.suggestContinueAsNew={LONG}"
    with tempfile.TemporaryDirectory() as folder:
        async with running_stack(temporal_config=[limit]) as stack, FakeOpenAI() as fake, FakeEdge() as edge:
            settings = settings_for(
                stack,
                encrypt_payloads=False,
                log_level="ERROR",
                models=ModelSettings(list=(ModelConfig(name="fake", model="fake", base_url=fake.base_url),)),
                speech=SpeechSettings(provider="edge", edge_url=edge.url),
                data_dir=Path(folder),
            )
            async with serving(settings, queues=("chat", "media")) as client:
                temporal = await connect(settings)
                for scenario in SCENARIOS:
                    await keep(scenario.__name__, await scenario(client, fake), client, temporal)


async def keep(name: str, run_id: str, client: httpx.AsyncClient, temporal: Client) -> None:
    kind = (await client.get(f"/agent/runs/{run_id}")).json()["kind"]
    for number, history in enumerate(await histories_of(temporal, f"{kind}-{run_id}"), 1):
        path = HISTORIES / f"{name}-{number}.json"
        path.write_text(one_event_a_line(history))
        print(f"{path.name}: {len(history['events'])} events, {path.stat().st_size} bytes")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(record())
