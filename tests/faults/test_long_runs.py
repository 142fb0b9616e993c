"""Runs with many steps, and histories that become long."""

from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from agents_backend.integrations.temporal import connect
from tests.faults.conftest import Deployment
from tests.histories import told
from tests.streams import chat

pytestmark = pytest.mark.faults
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def temporal_config() -> tuple[str, ...]:
    return ("limit.historyCount.suggestContinueAsNew=200",)


@pytest.fixture
async def temporal(deployment: Deployment) -> Client:
    return await connect(deployment.settings)


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    async with deployment.client(0) as client:
        yield client


async def test_a_hundred_tool_calls_of_five_kilobytes_end_well_in_small_histories(client, temporal, deployment):
    note = "x" * 5_000
    text = f'many [delay=0] [toolloop=100 current_time {{"timezone": "UTC", "note": "{note}"}}]'
    response, events = await chat(client, text)
    assert events[-1]["outcome"]["type"] == "success"
    assert sum(event["type"] == "TOOL_CALL_RESULT" for event in events) == 100
    run_id = response.headers["X-Run-Id"]
    histories = [found async for found in temporal.list_workflows(f'WorkflowId = "chat-{run_id}"')]
    assert len(histories) > 3
    for found in histories:
        handle = temporal.get_workflow_handle(f"chat-{run_id}", run_id=found.run_id)
        size = (await handle.describe()).raw_description.workflow_execution_info.history_size_bytes
        assert size < MEGABYTE
        assert note not in await told(await handle.fetch_history(), deployment.settings)


async def test_a_run_that_went_on_in_a_new_history_still_waits_for_a_human(client, temporal):
    held = {"interrupt_before_tools": ["ask_human"]}
    text = 'long, then ask [delay=0] [toolloop=30 current_time {"timezone": "UTC"}]'
    response, events = await chat(client, text, **held)
    assert events[-1]["outcome"]["type"] == "success"
    thread = response.headers["X-Thread-Id"]
    _, events = await chat(client, 'then [tool:ask_human {"question": "Well?"}]', thread_id=thread)
    assert events[-1]["outcome"]["type"] == "interrupt"
    _, events = await chat(client, "fine", thread_id=thread)
    assert events[-1]["outcome"]["type"] == "success"
