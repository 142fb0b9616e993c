"""Speech without a model key and with faults: kill -9 of the worker in the middle, a bucket that is full or away."""

import asyncio
import io
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from pptx import Presentation

from agents_backend.settings import SpeechSettings, StorageSettings
from agents_backend.stack.stack import Stack
from tests.api.test_speech import ended
from tests.conftest import running_stack, secret, settings_for
from tests.fakes.edge_server import FakeEdge
from tests.fakes.s3_server import FakeS3
from tests.processes import Process
from tests.serving import serving

pytestmark = pytest.mark.faults
PODCAST, SPEAK = "/agent/generation/podcast", "/agent/tts/synthesize"
PPT = "/agent/generation/ppt"
LINES, AT_ONCE = 40, 4


@pytest.fixture(scope="module")
async def own_stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
async def s3() -> AsyncIterator[FakeS3]:
    async with FakeS3() as fake:
        yield fake


@pytest.fixture(scope="module")
async def edge() -> AsyncIterator[FakeEdge]:
    async with FakeEdge() as fake:
        yield fake


@pytest.fixture(scope="module")
def store(s3: FakeS3) -> dict[str, str]:
    return {"endpoint": s3.url, "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}


@pytest.fixture(scope="module")
def worker_process(own_stack: Stack, edge: FakeEdge, store: dict[str, str]) -> Iterator[Process]:
    environment = {
        **own_stack.environment(),
        "SPEECH_PROVIDER": "edge",
        "SPEECH_EDGE_URL": edge.url,
        "STORAGE_URL": "s3://bucket/files",
        "STORAGE_OPTIONS": json.dumps(store),
        "STORAGE_RETRY_SECONDS": "0",
    }
    process = Process("worker", "--queues", "media", environment=environment)
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
async def client(own_stack: Stack, worker_process: Process, store: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    options = {name: secret(value) for name, value in store.items()}
    storage = StorageSettings(url="s3://bucket/files", options=options, retry_seconds=0)
    settings = settings_for(own_stack, storage=storage, speech=SpeechSettings(provider="edge", concurrency=AT_ONCE))
    async with serving(settings, worker=False, seconds=120) as client:
        yield client


def spoken_lines(events: list[dict]) -> set[int]:
    paths = [change["path"] for event in events if event["type"] == "STATE_DELTA" for change in event["delta"]]
    return {int(path.split("/")[2]) for path in paths}


async def test_a_podcast_whose_worker_is_killed_speaks_no_finished_line_again(client, worker_process, edge, s3):
    text = "\n\n".join(f"Paragraph {n} [slow=150] {uuid.uuid4().hex[:6]}." for n in range(LINES))
    headers = {"Prefer": "respond-async"}
    run_id = (await client.post(PODCAST, json={"content": text}, headers=headers)).json()["id"]
    events: list[dict] = []
    finished: set[int] = set()
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
            if not finished and len(spoken_lines(events)) >= LINES // 2:
                worker_process.kill()
                finished = spoken_lines(events)
                worker_process.start()
    assert events[-1]["type"] == "RUN_FINISHED", events[-1]
    state = next(event["snapshot"] for event in events if event["type"] == "STATE_SNAPSHOT")
    assert len(state["lines"]) == LINES
    assert spoken_lines(events) == set(range(LINES))
    counts = [count for text, count in edge.spoken.items() if "Paragraph" in text]
    again = [text for text, count in edge.spoken.items() if "Paragraph" in text and count > 1]
    assert len(counts) == LINES
    # only what was being spoken at the moment of the kill may have been spoken twice
    assert len(again) <= AT_ONCE
    for index in finished:
        assert not any(state["lines"][index]["text"] in text for text in again)
    run = await ended(client, run_id)
    assert [item["media_type"].split(";")[0] for item in run["artifacts"]] == [
        "text/markdown",
        "text/vtt",
        "audio/mpeg",
    ]
    assert run["usage"]["characters"] == sum(len(text) for text in edge.spoken if "Paragraph" in text)
    details = run["artifacts"][-1]["details"]
    assert details["method"] == "structure"
    assert "no model is configured" in details["note"]
    while any("/work/" in key for key in s3.objects):  # put away once the run has ended
        await asyncio.sleep(0.05)


async def test_a_run_waits_for_room_in_the_bucket_and_goes_on(client, s3):
    s3.fault, s3.refused = 507, 0
    asked = asyncio.create_task(client.post(SPEAK, json={"text": "This waits until there is room for it."}))
    while s3.refused < 2:
        await asyncio.sleep(0.05)
    assert not [key for key in s3.objects if "/work/" in key]
    s3.fault = None
    answer = await asked
    assert answer.status_code == 200
    assert answer.content


async def test_a_bucket_that_is_away_refuses_new_runs_at_once(client, s3):
    s3.fault, s3.everywhere = 503, True
    answer = await client.post(SPEAK, json={"text": "Never spoken."})
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
    assert "secret" not in answer.text
    s3.fault, s3.everywhere = None, False
    assert (await client.post(SPEAK, json={"text": "Spoken now."})).status_code == 200


async def test_without_a_model_rules_do_what_they_can_and_the_rest_is_refused_with_its_reason(client):
    prose = "/agent/generation/prose"
    fixed = await client.post(prose, json={"prompt": "this  is the the text ,with faults", "option": "fix"})
    assert fixed.json() == {"result": "This is the text, with faults", "method": "structure"}
    longer = await client.post(prose, json={"prompt": "A text.", "option": "longer"})
    assert (longer.status_code, longer.json()["code"]) == (502, "NO_MODEL")
    better = await client.post("/agent/generation/enhance-prompt", json={"prompt": "Tea", "report_style": "news"})
    assert better.json()["method"] == "structure"
    assert "news article" in better.json()["result"]


async def test_a_deck_whose_worker_is_killed_before_it_is_drawn_is_drawn_once(client, worker_process, s3):
    content = (Path(__file__).resolve().parents[2] / "docs" / "gallery" / "content" / "report.md").read_text()
    s3.fault = 507  # the drawing cannot be stored, so the worker dies between the outline and the file
    run_id = (await client.post(PPT, json={"content": content}, headers={"Prefer": "respond-async"})).json()["id"]
    refused = s3.refused
    while s3.refused == refused:
        await asyncio.sleep(0.05)
    worker_process.kill()
    s3.fault = None
    worker_process.start()
    run = await ended(client, run_id)
    assert (run["status"], len(run["artifacts"])) == ("succeeded", 2)
    stored = await client.get(run["artifacts"][0]["url"].removeprefix("/api/v1"))
    assert 8 <= len(Presentation(io.BytesIO(stored.content)).slides) <= 15
    assert run["artifacts"][0]["details"]["method"] == "structure"
    assert len([key for key in s3.objects if run_id in key]) == 2  # the deck, and what its slides show
