"""Sandboxes and commands that began under an earlier version go on under this one.

The histories are of the day on which they were recorded: `python -m tests.sandboxes.record` records them anew, when a workflow is
changed on purpose and nothing in flight has to survive the change (else use `workflow.patched`).
"""

import json

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult
from temporalio.workflow import NondeterminismError

from agents_backend.integrations.payloads import data_converter
from agents_backend.settings import Settings, VaultSettings
from tests.replay.runner import strict_runner
from tests.sandboxes.record import HISTORIES, SCENARIOS
from workflows.sandbox import SandboxWorkflow
from workflows.sandbox_command import SandboxCommandWorkflow

SETTINGS = Settings(vault=VaultSettings(keys="0123456789abcdef" * 4))
RECORDED = sorted(HISTORIES.glob("*.json"))
each_recorded = pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)


async def replay(history: dict) -> WorkflowReplayResult:
    replayer = Replayer(
        workflows=[SandboxWorkflow, SandboxCommandWorkflow],
        workflow_runner=strict_runner(),
        data_converter=data_converter(SETTINGS),
    )
    return await replayer.replay_workflow(WorkflowHistory.from_json("sandbox-recorded", history))


@each_recorded
async def test_a_recorded_life_replays(path):
    assert (await replay(json.loads(path.read_text()))).replay_failure is None


@pytest.mark.parametrize(
    "path", [path for path in RECORDED if "ACTIVITY_TASK_SCHEDULED" in path.read_text()], ids=lambda path: path.stem
)
async def test_a_history_that_no_longer_fits_is_noticed(path):
    history = json.loads(path.read_text())
    scheduled = [event for event in history["events"] if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
    scheduled[-1]["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "another"
    with pytest.raises(NondeterminismError):
        await replay(history)


def test_every_scenario_is_recorded_without_a_command_or_an_output_in_it():
    assert {path.stem for path in RECORDED} == {scenario.__name__ for scenario in SCENARIOS}
    for path in RECORDED:
        assert "canary" not in path.read_text(), "what a command says and does is in PostgreSQL alone"
