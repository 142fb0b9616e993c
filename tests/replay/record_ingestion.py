"""Records the histories of an ingestion that succeeds, of one that fails, and of the sweep: a part of `make replays`."""

import asyncio
import json
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, WorkflowReplayResult

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.integrations.temporal import connect, plugins
from tests.conftest import running_stack, settings_for
from tests.replay.record import one_event_a_line, without_this_machine
from tests.replay.runner import strict_runner
from tests.serving import serving
from workers.main import run as run_worker
from workflows.ingestion import IngestWorkflow, SweepResourcesWorkflow

HISTORIES = Path(__file__).parent / "ingestions"
RESOURCES = "/agent/rag/resources"
TEXT = "\n\n".join(f"## Part {n}\n\nFact {n}." for n in range(70))  # more than one range is embedded at once


async def replay(history: dict) -> WorkflowReplayResult:
    """Raises what the worker would meet."""
    replayer = Replayer(
        workflows=[IngestWorkflow, SweepResourcesWorkflow],
        plugins=plugins(),
        workflow_runner=strict_runner(),
        data_converter=pydantic_data_converter,
    )
    return await replayer.replay_workflow(WorkflowHistory.from_json("recorded", history))


async def record() -> None:
    HISTORIES.mkdir(exist_ok=True)
    async with running_stack() as stack:
        settings, stop = settings_for(stack, log_level="ERROR"), asyncio.Event()
        async with serving(settings, worker=False) as client:
            client.timeout = 300
            work = asyncio.create_task(run_worker(settings, [queues.MEDIA, queues.BACKGROUND], stop=stop))
            made = (await client.post(RESOURCES, json={"title": "Facts", "text": TEXT})).json()
            failed = (await client.post(RESOURCES, files={"file": ("x.pdf", b"no pdf")})).json()
            temporal = await connect(settings.temporal)
            sweep = await temporal.start_workflow(
                names.SWEEP_RESOURCES_WORKFLOW, id="swept-by-hand", task_queue=queues.BACKGROUND
            )
            await sweep.result()
            ids = {"succeeded": f"ingest-{made['run_id']}", "failed": f"ingest-{failed['run_id']}", "sweep": sweep.id}
            for name, workflow_id in ids.items():
                history = (await temporal.get_workflow_handle(workflow_id).fetch_history()).to_json_dict()
                path = HISTORIES / f"{name}.json"
                path.write_text(one_event_a_line(without_this_machine(history)))
                print(f"{path.name}: {len(json.loads(path.read_text())['events'])} events")  # noqa: T201
            stop.set()
            await work


if __name__ == "__main__":
    asyncio.run(record())
