"""Our times against Temporal's own: what `describe` says of the Schedule that is made from them."""

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow

from agents_backend.services.schedule_specs import spec_of
from agents_backend.services.timings import Timing, transitions
from tests.services import timing_strategies as strategies

relaxed = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
async def temporal(stack) -> Client:
    return await Client.connect(stack.temporal.address)


async def told(temporal: Client, timing: Timing) -> list[datetime]:
    """The next ten times, as Temporal has them."""
    action = ScheduleActionStartWorkflow("none", id="none", task_queue="none")
    handle = await temporal.create_schedule(f"told-{uuid.uuid4()}", Schedule(action=action, spec=spec_of(timing)))
    try:
        for _ in range(200):
            if found := (await handle.describe()).info.next_action_times:
                return list(found)
            await asyncio.sleep(0.02)
        return []
    finally:
        await handle.delete()


@given(timing=strategies.timings())
@relaxed
async def test_temporal_fires_a_crontab_when_we_say_but_for_what_is_left_out_where_clocks_are_set(
    temporal, timing: Timing
):
    found = await told(temporal, timing)
    kept = [time for time in found if not timing.is_spurious(time)]
    assert kept
    assert kept == strategies.first(timing, len(kept))


@pytest.mark.parametrize(("zone", "crontab"), [("Europe/Berlin", "30 2 * * *"), ("America/New_York", "30 1 * * *")])
async def test_a_fixed_time_that_the_clock_shows_twice_fires_once_whichever_of_the_two_temporal_takes(
    temporal, zone, crontab
):
    soon = datetime.now(strategies.UTC) + timedelta(days=5)
    back = next(moment for moment, step in transitions(zone, strategies.YEAR) if step < timedelta() and moment > soon)
    timing = Timing(crontab=crontab, timezone=zone, anchor=back, start=back - timedelta(days=3))
    found = [time for time in await told(temporal, timing) if not timing.is_spurious(time)]
    assert found == strategies.first(timing, len(found))
    assert sum(abs(time - back) <= timedelta(hours=1) for time in found) == 1


@given(timing=strategies.intervals)
@relaxed
async def test_temporal_fires_an_interval_when_we_say(temporal, timing: Timing):
    found = await told(temporal, timing)
    assert found == strategies.first(timing, 10)


async def test_temporal_counts_the_end_too(temporal):
    start = datetime(strategies.YEAR + 1, 1, 1, tzinfo=strategies.UTC)
    timing = Timing(every=timedelta(hours=1), anchor=start, start=start, expire=start + timedelta(hours=2))
    assert await told(temporal, timing) == strategies.first(timing, 3)
