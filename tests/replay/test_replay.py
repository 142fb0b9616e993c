"""Runs that began under an earlier version go on under this one: recorded histories replay with today's workflows."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult
from temporalio.workflow import NondeterminismError

from agents_backend.integrations.payloads import data_converter
from agents_backend.integrations.temporal import plugins
from agents_backend.settings import Settings, TemporalSettings, VaultSettings
from tests.histories import encrypted
from tests.replay.record import HISTORIES, SCENARIOS
from tests.replay.runner import strict_runner
from workers.queues import graphs
from workflows.chat import ChatWorkflow
from workflows.deck import DeckWorkflow
from workflows.podcast import PodcastWorkflow
from workflows.prose import ProseWorkflow
from workflows.speech import SpeechWorkflow

SETTINGS = Settings(vault=VaultSettings(keys="0123456789abcdef" * 4))
RECORDED = sorted(HISTORIES.glob("*.json"))
WORKFLOWS = [ChatWorkflow, DeckWorkflow, PodcastWorkflow, ProseWorkflow, SpeechWorkflow]
each_recorded = pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)


async def replay(history: dict[str, Any]) -> WorkflowReplayResult:
    """Raises what the worker would meet."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        plugins=[*plugins(), graphs()],
        workflow_runner=strict_runner(),
        data_converter=data_converter(SETTINGS),
    )
    return await replayer.replay_workflow(WorkflowHistory.from_json("chat-recorded", history))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@each_recorded
async def test_a_recorded_run_replays(path):
    assert (await replay(read(path))).replay_failure is None


@pytest.mark.parametrize("name", ["approval_with_edit-1", "model_failure-1"])
async def test_it_replays_as_well_where_payloads_are_encrypted_from_some_event_on(name):
    on = SETTINGS.model_copy(update={"temporal": TemporalSettings(encrypt_payloads=True)})
    history = read(HISTORIES / f"{name}.json")
    plain, rest = history["events"][:10], history["events"][10:]
    assert rest
    later = await encrypted({"events": rest}, on)
    assert later != {"events": rest}
    await replay({"events": plain + later["events"]})


@each_recorded
async def test_a_history_that_no_longer_fits_is_noticed(path):
    history = read(path)
    scheduled = [event for event in history["events"] if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
    scheduled[-1]["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "another"
    with pytest.raises(NondeterminismError):
        await replay(history)


def test_every_scenario_is_recorded_small_and_without_a_machine_s_names_or_paths():
    recorded = {path.stem.partition("-")[0] for path in RECORDED}
    assert recorded == {scenario.__name__ for scenario in SCENARIOS}
    assert (HISTORIES / "long_run-2.json").exists()
    for path in RECORDED:
        text = path.read_text()
        assert len(text) < 200_000
        assert "site-packages" not in text
        assert "canary" not in text, "what a run is given and makes is in PostgreSQL and storage alone"
        assert set(identities(read(path))) == {"worker"}


def identities(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for inner in value for found in identities(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["identity"]] if "identity" in value else []
    return own + [found for inner in value.values() for found in identities(inner)]
