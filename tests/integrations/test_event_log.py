"""The event log under two writers: an attempt that was thought dead, and the one that follows it."""

import json
import uuid

import pytest

from agents_backend.contracts import events
from agents_backend.integrations.events import EventLog, WriterFenced
from agents_backend.integrations.redis_connections import connect
from agents_backend.services.step_writer import StepWriter


@pytest.fixture
async def log(settings):
    async with connect(settings.redis) as redis:
        yield EventLog(redis)


async def types(log: EventLog, run_id: str) -> list[str]:
    return [json.loads(event.data)["type"] for event in [e async for e in log.read(run_id)]]


async def test_what_a_zombie_began_before_the_takeover_is_closed_and_withdrawn_and_it_writes_no_more(log):
    run_id = str(uuid.uuid4())
    zombie = StepWriter(log, run_id, writer="model-1", attempt=1)
    zombie.opened("message", "m1")
    zombie.opened("text", "m1")
    await zombie.emit([events.text_start("m1"), events.text_content("m1", "old")], urgent=True)
    heir = StepWriter(log, run_id, writer="model-1", attempt=2)
    await heir.begin()
    with pytest.raises(WriterFenced):
        await zombie.emit([events.text_content("m1", "older")], urgent=True)
    await heir.emit([events.text_start("m2")], urgent=True)
    assert await types(log, run_id) == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "CUSTOM",
        "TEXT_MESSAGE_START",
    ]


async def test_a_zombie_that_had_written_nothing_is_fenced_all_the_same(log):
    run_id = str(uuid.uuid4())
    zombie = StepWriter(log, run_id, writer="model-1", attempt=1)
    await StepWriter(log, run_id, writer="model-1", attempt=2).begin()
    with pytest.raises(WriterFenced):
        await zombie.emit([events.text_start("m1")], urgent=True)


async def test_an_heir_that_dies_before_it_withdraws_leaves_that_to_the_next(log):
    run_id = str(uuid.uuid4())
    first = StepWriter(log, run_id, writer="model-1", attempt=1)
    first.opened("message", "m1")
    await first.emit([events.text_start("m1")], urgent=True)
    await log.take_over(run_id, writer="model-1", attempt=2)
    assert await log.take_over(run_id, writer="model-1", attempt=3) == [{"kind": "message", "id": "m1"}]
    with pytest.raises(WriterFenced):
        await log.take_over(run_id, writer="model-1", attempt=2)


async def test_a_batch_that_is_sent_twice_stands_once(log):
    run_id = str(uuid.uuid4())
    for _ in range(2):
        await log.append(run_id, [events.text_start("m"), events.text_end("m")], writer="w")
    found = [event async for event in log.read(run_id)]
    assert [event.n for event in found] == [1, 2]
