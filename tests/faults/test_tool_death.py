"""kill -9 of the worker in the middle of a tool: what may be repeated is, what may not is not, and the model is told."""

import asyncio
import json

import pytest

from agents_backend.services.tool_calls import UNCERTAIN
from tests.api.test_chat import CHAT, body, read
from tests.conftest import running_stack, settings_for
from tests.fakes import tool_worker
from tests.fakes.openai_server import FakeOpenAI
from tests.processes import Process
from tests.serving import serving

pytestmark = pytest.mark.faults


async def test_a_tool_that_may_not_be_repeated_runs_once_and_one_that_may_runs_again(tmp_path):
    async with running_stack() as stack, FakeOpenAI() as model, serving(settings_for(stack), worker=False) as client:
        models = json.dumps([{"name": "fake", "model": "fake", "base_url": model.base_url}])
        environment = {**stack.environment(), "MODEL_LIST": models, "MARKS": str(tmp_path)}
        worker = Process(environment=environment, main=tool_worker.main)
        worker.start()
        try:
            async with client.stream("POST", CHAT, json=body("[tool:charge {}] [tool:look {}]")) as response:
                while not ((tmp_path / "charge").exists() and (tmp_path / "look").exists()):
                    await asyncio.sleep(0.05)
                worker.kill()
                worker.start()
                events = [event for _, event in await read(response)]
        finally:
            worker.kill()
    assert events[-1]["type"] == "RUN_FINISHED", events[-1]
    results = {event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"}
    assert results == {UNCERTAIN, "look is done"}
    assert len((tmp_path / "charge").read_text().splitlines()) == 1
    calls = (tmp_path / "look").read_text().splitlines()
    assert len(calls) == 2
    assert len(set(calls)) == 1
    told = [message["content"] for message in model.requests[-1]["messages"] if message["role"] == "tool"]
    assert set(told) == results
