"""kill -9 of each part in the middle of an answer: the run ends with the right text, told once, whoever listens."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import pairwise

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client

from agents_backend.contracts import activities as names
from agents_backend.db.base import Database
from agents_backend.integrations.temporal import connect
from agents_backend.services.stream_cursor import order
from tests.faults.conftest import Deployment
from tests.streams import CHAT, body, chat, read, rejoin

pytestmark = pytest.mark.faults
TOKENS = 200
EXPECTED = " ".join(f"tok{number}" for number in range(TOKENS))
Strike = Callable[[Deployment], Awaitable[None]]


async def kill_worker(deployment: Deployment) -> None:
    deployment.worker.kill()
    deployment.worker.start()


async def kill_redis(deployment: Deployment) -> None:
    deployment.stack.redis.kill()
    await deployment.stack.redis.start()


async def kill_postgres(deployment: Deployment) -> None:
    deployment.stack.postgres.kill()
    await deployment.stack.postgres.start()


async def kill_temporal(deployment: Deployment) -> None:
    deployment.stack.temporal.kill()
    await deployment.stack.temporal.start()


async def read_and_strike(
    response: httpx.Response, strike: Callable[[], Awaitable[None]], frames: list[tuple[str, dict]]
) -> None:
    """Read a stream into `frames`; after its tenth event, strike."""
    event_id = ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data: "):
            frames.append((event_id, json.loads(line[6:])))
            if len(frames) == 10:
                await strike()


async def check_told_once(client: httpx.AsyncClient, frames: list[tuple[str, dict]], thread: str) -> None:
    ids, events = [order(event_id) for event_id, _ in frames], [event for _, event in frames]
    assert all(earlier < later for earlier, later in pairwise(ids))
    assert [e["type"] for e in events if e["type"] in {"RUN_STARTED", "RUN_FINISHED", "RUN_ERROR"}] == [
        "RUN_STARTED",
        "RUN_FINISHED",
    ]
    assert events[-1]["outcome"]["type"] == "success"
    withdrawn = [e["value"]["messageId"] for e in events if e.get("name") == "message.discarded"]
    told = [e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT" and e["messageId"] not in withdrawn]
    assert "".join(told).strip() == EXPECTED
    stored = (await client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert stored[1]["content"] == "".join(told)


@pytest.mark.parametrize("strike", [kill_worker, kill_redis, kill_postgres, kill_temporal])
async def test_a_client_that_stays_is_told_the_right_text_once(strike: Strike, deployment: Deployment):
    said, frames = f"{strike.__name__} [tokens={TOKENS} delay=15]", []
    async with deployment.client(0) as client:
        async with client.stream("POST", CHAT, json=body(said)) as response:
            await read_and_strike(response, lambda: strike(deployment), frames)
        await check_told_once(client, frames, response.headers["X-Thread-Id"])


async def test_after_the_death_of_the_api_another_process_tells_the_rest(deployment: Deployment):
    async def strike() -> None:
        deployment.apis[0].kill()

    frames: list[tuple[str, dict]] = []
    async with deployment.client(0) as client:
        with pytest.raises(httpx.HTTPError):
            async with client.stream("POST", CHAT, json=body(f"kill_api [tokens={TOKENS} delay=15]")) as response:
                await read_and_strike(response, strike, frames)
    async with deployment.client(1) as client:
        frames += await rejoin(client, response.headers["X-Run-Id"], after=frames[-1][0])
        await check_told_once(client, frames, response.headers["X-Thread-Id"])
    deployment.apis[0].start()


async def test_a_run_that_waits_for_a_human_survives_a_restart_of_everything(deployment: Deployment):
    held = {"interrupt_before_tools": ["current_time"]}
    async with deployment.client(1) as client:
        response, events = await chat(client, 'time [tool:current_time {"timezone": "UTC"}]', **held)
        assert events[-1]["outcome"]["type"] == "interrupt"
        run_id = response.headers["X-Run-Id"]
        await deployment.restart_everything()
        edit = {"decision": "edit", "answers": {"timezone": "Asia/Tokyo"}}
        assert (await client.post(f"/agent/runs/{run_id}/resume", json=edit)).status_code == 200
        whole = [event for _, event in await rejoin(client, run_id)]
    assert [e["content"][-6:] for e in whole if e["type"] == "TOOL_CALL_RESULT"] == ["+09:00"]
    assert whole[-1]["outcome"]["type"] == "success"


async def test_a_worker_that_dies_as_it_writes_what_a_run_waits_for_is_missed_at_once(deployment: Deployment):
    """Its write is held up by a lock; the 90 seconds that such a write may take must not pass first."""
    temporal = await connect(deployment.settings)
    async with deployment.client(1) as client, Database(deployment.settings.database) as database:
        async with database.transaction() as session:
            await session.execute(text("LOCK TABLE interrupts IN EXCLUSIVE MODE"))
            answer = asyncio.create_task(chat(client, 'ask [tool:ask_human {"question": "Well?"}]'))
            await attempt_of(temporal, names.PAUSE_RUN, 1)
            await kill_worker(deployment)
            async with asyncio.timeout(15):
                await attempt_of(temporal, names.PAUSE_RUN, 2)
        _, events = await answer
    assert events[-1]["outcome"]["type"] == "interrupt"


async def attempt_of(temporal: Client, activity: str, number: int) -> None:
    """Wait until a worker has begun an activity of some chat for so many times."""
    while True:
        async for found in temporal.list_workflows('ExecutionStatus = "Running"'):
            told = await temporal.get_workflow_handle(found.id).describe()
            for pending in told.raw_description.pending_activities:
                if pending.activity_type.name == activity and pending.attempt == number:
                    return
        await asyncio.sleep(0.1)


async def test_an_answer_given_while_temporal_is_away_is_delivered_when_it_returns(deployment: Deployment):
    async with deployment.client(1) as client:
        response, _ = await chat(client, 'ask [tool:ask_human {"question": "Still there?"}]')
        run_id = response.headers["X-Run-Id"]
        deployment.stack.temporal.kill()
        answered = await client.post(f"/agent/runs/{run_id}/resume", json={"decision": "approve", "feedback": "yes"})
        assert answered.status_code == 200
        await deployment.stack.temporal.start()
        whole = [event for _, event in await rejoin(client, run_id)]
    assert [e["content"] for e in whole if e["type"] == "TOOL_CALL_RESULT"] == ["yes"]


async def test_a_chat_that_comes_while_temporal_is_away_is_refused_and_may_come_again(deployment: Deployment):
    headers = {"Idempotency-Key": "while-temporal-is-away"}
    async with deployment.client(1) as client:
        deployment.stack.temporal.kill()
        refused = await client.post(CHAT, json=body("hello [say=here]"), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert int(refused.headers["Retry-After"]) >= 1
        health = await client.get(deployment.urls[1] + "/health")
        assert (health.status_code, health.json()["failing"]) == (503, ["temporal"])
        await deployment.stack.temporal.start()
        async with asyncio.timeout(30):
            while (await client.get(deployment.urls[1] + "/health")).status_code != 200:
                await asyncio.sleep(0.2)
        async with client.stream("POST", CHAT, json=body("hello [say=here]"), headers=headers) as again:
            assert (await read(again))[-1][1]["outcome"]["type"] == "success"
