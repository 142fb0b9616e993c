"""Ingestions that began under an earlier version go on under this one."""

import json

import pytest
from temporalio.workflow import NondeterminismError

from tests.replay.record_ingestion import HISTORIES, replay

RECORDED = sorted(HISTORIES.glob("*.json"))
each_recorded = pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)


@each_recorded
async def test_a_recorded_ingestion_replays(path):
    assert (await replay(json.loads(path.read_text()))).replay_failure is None


@each_recorded
async def test_one_that_no_longer_fits_is_noticed(path):
    history = json.loads(path.read_text())
    scheduled = [event for event in history["events"] if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
    scheduled[-1]["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "another"
    with pytest.raises(NondeterminismError):
        await replay(history)


def test_each_is_recorded_without_a_machine_s_names_or_paths():
    assert [path.stem for path in RECORDED] == ["failed", "succeeded", "sweep"]
    assert not [path for path in RECORDED if "site-packages" in path.read_text()]
