"""kill -9 of a worker in the middle of a run that is paid for, and runs whose workflow is gone: each is charged once, and nothing stays reserved."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from temporalio.client import Client

from agents_backend.integrations.temporal import connect
from agents_backend.settings import CreditSettings
from agents_backend.stack.stack import Stack
from tests.api.people import until
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.processes import Process
from tests.serving import serving
from tests.streams import CHAT, body, read

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
# A credit is 100 tokens.
PRICES = CreditSettings(enabled=True, per_usd=100, initial=50, reserve=1, expected_output_tokens=16)


@dataclass
class Scene:
    stack: Stack
    client: httpx.AsyncClient
    worker: Process
    temporal: Client

    async def balance(self) -> tuple[float, float]:
        found = (await self.client.get("/agent/credits/balance")).json()
        return found["balance"], found["reserved"]

    async def settled(self) -> float:
        async def ask() -> bool:
            return (await self.balance())[1] == 0

        await until(ask, 90)
        return (await self.balance())[0]

    async def entries(self, run_id: str) -> list[dict]:
        found = (await self.client.get("/agent/credits/ledger", params={"size": 200})).json()["items"]
        return [entry for entry in reversed(found) if entry["run_id"] == run_id]


@pytest.fixture(scope="module")
async def scene() -> AsyncIterator[Scene]:
    async with running_stack() as stack, FakeOpenAI() as fake:
        settings = settings_for(stack, credits=PRICES)
        models = [{"name": "fake", "model": "fake", "base_url": fake.base_url, "output_price": 100}]
        prices = {"CREDITS_ENABLED": "true", "CREDITS_EXPECTED_OUTPUT_TOKENS": "16"}
        environment = {**stack.environment(), "MODEL_LIST": json.dumps(models), "ENVIRONMENT": "test", **prices}
        worker = Process("worker", environment=environment)
        worker.start()
        try:
            async with serving(settings, worker=False) as client:
                yield Scene(stack, client, worker, await connect(settings))
        finally:
            worker.kill()


async def test_a_run_whose_worker_dies_is_charged_once(scene: Scene):
    before = (await scene.balance())[0]
    text = 'twice [tokens=60 delay=30] [toolloop=1 current_time {"timezone": "UTC"}]'
    async with scene.client.stream("POST", CHAT, json=body(text)) as response:
        run_id, events, killed = response.headers["X-Run-Id"], [], False
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
            if not killed and sum(event["type"] == "TEXT_MESSAGE_CONTENT" for event in events) > 3:
                killed = True
                scene.worker.kill()
                scene.worker.start()
    assert killed
    assert events[-1]["type"] == "RUN_FINISHED"
    after = await scene.settled()
    entries = await scene.entries(run_id)
    assert [entry["kind"] for entry in entries] == ["reserve", "release", "charge", "charge"]
    (model,) = [entry for entry in entries if entry["source"] == "model"]
    used = (await scene.client.get(f"/agent/runs/{run_id}")).json()["usage"]
    assert model["credits"] == pytest.approx(used["output_tokens"] / 100)
    assert after == pytest.approx(before - model["credits"])
    assert sum(entry["amount"] for entry in entries) == pytest.approx(after - before)


async def test_a_run_whose_workflow_was_terminated_gives_its_reserve_back(scene: Scene):
    before = (await scene.balance())[0]
    events = []
    async with scene.client.stream("POST", CHAT, json=body("lost [tokens=2000 delay=50]")) as response:
        run_id = response.headers["X-Run-Id"]
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
                if len(events) == 3:
                    await scene.temporal.get_workflow_handle(f"chat-{run_id}").terminate()
    assert events[-1]["code"] == "RUN_LOST"
    assert await scene.settled() == before
    assert [entry["kind"] for entry in await scene.entries(run_id)][:2] == ["reserve", "release"]


async def test_a_run_that_could_not_start_reserves_nothing(scene: Scene):
    before = await scene.balance()
    scene.stack.temporal.kill()
    try:
        refused = await scene.client.post(CHAT, json=body("hello"))
    finally:
        await scene.stack.temporal.start()
    assert refused.status_code == 503
    assert await scene.balance() == before

    async def works() -> bool:
        async with scene.client.stream("POST", CHAT, json=body("again [tokens=3 delay=0]")) as again:
            return again.status_code == 200 and (await read(again))[-1][1]["type"] == "RUN_FINISHED"

    await until(works, 60)
