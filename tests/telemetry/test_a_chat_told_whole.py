"""One chat through an API and a worker in processes of their own: its trace, its log lines, its numbers."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.stack.process import free_port
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.otlp_collector import FakeCollector, ReceivedSpan
from tests.telemetry.processes import LoggedProcess, until

MODEL_KEY = "sk-canary-of-the-model-0123456789"
COLLECTOR_KEY = "canary-of-the-collector-0123"
REQUEST = "request-of-this-test"


@pytest.fixture(scope="module")
def collector() -> Iterator[FakeCollector]:
    with FakeCollector() as collector:
        yield collector


@pytest.fixture(scope="module")
async def told(
    collector: FakeCollector, fake_model: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SimpleNamespace]:
    """A chat with one tool and one refusal has been had; everything has been exported."""
    async with running_stack() as stack:
        given = stack.environment()
        await asyncio.to_thread(upgrade, given["DATABASE_URL"])
        settings = settings_for(stack)
        async with Database(settings.database) as database:
            await seed(database, settings)
        model = {"name": "fake", "model": "fake", "base_url": fake_model.base_url, "api_key": MODEL_KEY}
        environment = {
            **given,
            "MODEL_LIST": json.dumps([{**model, "input_price": 1, "output_price": 2}]),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={COLLECTOR_KEY}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "API_PORT": str(free_port()),
            "WORKER_METRICS_PORT": str(free_port()),
        }
        yield await have_a_chat(environment, given, collector, tmp_path_factory.mktemp("logs"))


async def have_a_chat(environment, given, collector: FakeCollector, folder: Path) -> SimpleNamespace:
    base = f"http://127.0.0.1:{environment['API_PORT']}"
    worker_base = f"http://127.0.0.1:{environment['WORKER_METRICS_PORT']}"
    with (
        LoggedProcess("worker", "--queues", "chat", environment=environment, folder=folder) as worker,
        LoggedProcess("api", environment=environment, folder=folder) as api,
    ):
        await api.until_answers(f"{base}/health")
        await worker.until_answers(f"{worker_base}/health/live")
        async with httpx.AsyncClient(base_url=f"{base}/api/v1", timeout=30) as client:
            login = {"username": "admin", "password": PASSWORD}
            token = (await client.post("/admin/auth/login", json=login)).json()["access_token"]
            client.headers.update({"Authorization": f"Bearer {token}", "X-Request-Id": REQUEST})
            run_id = await chat(client, "time [tool:current_time {}]", f"{base}/metrics")
            await client.get(f"/agent/runs/{run_id}?code=canary-of-the-query")
            await chat(client, "refuse [error=400]")
            await until(lambda: named(collector.spans, "RunWorkflow:chat")[1:])
            numbers = (await client.get(f"{worker_base}/metrics")).text
            api_numbers = (await client.get(f"{base}/metrics")).text
        codes = (worker.stop(), api.stop())
    secrets = (MODEL_KEY, COLLECTOR_KEY, PASSWORD, token, "canary-of-the-query", given["AUTH_SECRET"])
    passwords = [re.search(r":([^:@]+)@", given[name])[1] for name in ("DATABASE_URL", "REDIS_URL")]
    return SimpleNamespace(
        api=api, worker=worker, run_id=run_id, numbers=numbers, api_numbers=api_numbers, codes=codes,
        secrets=(*secrets, *passwords),
    )  # fmt: skip


async def chat(client: httpx.AsyncClient, text: str, metrics: str | None = None) -> str:
    body = {"messages": [{"role": "user", "content": text}]}
    async with client.stream("POST", "/agent/chat/stream", json=body) as response:
        assert response.status_code == 200
        if metrics is not None:
            assert "http_streams_open 1.0" in (await client.get(metrics)).text
        await response.aread()
        return response.headers["X-Run-Id"]


def named(spans: list[ReceivedSpan], name: str) -> list[ReceivedSpan]:
    return [span for span in spans if span.name == name]


async def test_one_chat_is_one_trace_from_http_through_the_workflow_to_each_activity(told, collector):
    chats = named(collector.spans, "POST /api/v1/agent/chat/stream")
    root = next(span for span in chats if span.attributes["run.id"] == told.run_id)
    trace = [span for span in collector.spans if span.trace_id == root.trace_id]
    by_id = {span.span_id: span for span in trace}
    assert root.parent_id == ""
    [start] = named(trace, "StartWorkflow:chat")
    [workflow] = named(trace, "RunWorkflow:chat")
    assert by_id[start.parent_id] is root
    assert by_id[workflow.parent_id] is start
    runs = [span for span in trace if span.name.startswith("RunActivity:")]
    assert sorted(span.name.partition(":")[2] for span in runs) == [
        "call_model",
        "call_model",
        "call_tool",
        "finish_run",
    ]
    for span in runs:
        scheduled = by_id[span.parent_id]
        assert scheduled.name == span.name.replace("Run", "Start", 1)
        assert by_id[scheduled.parent_id] is workflow
    assert workflow.nanoseconds >= sum(span.nanoseconds for span in named(trace, "RunActivity:call_model"))
    assert named(trace, "RunActivity:call_model")[0].attributes["gen_ai.request.model"] == "fake"
    assert len(by_id) == len(trace)


async def test_no_secret_is_in_any_span(told, collector):
    exported = b"".join(collector.bodies).decode("utf-8", errors="replace")
    assert [secret for secret in told.secrets if secret in exported] == []
    assert {headers["x-key"] for headers in collector.headers} == {COLLECTOR_KEY}


async def test_every_line_of_a_request_and_a_run_names_them(told):
    activities = [line for line in told.worker.lines() if "activity" in line]
    assert {line["activity"] for line in activities} >= {"call_model"}
    assert {line["request_id"] for line in activities} == {REQUEST}
    assert all(line["run_id"] in line["workflow_id"] and line["attempt"] >= 1 for line in activities)
    requests = [line for line in told.api.lines() if line["event"] == "request" and line.get("run_id") == told.run_id]
    assert [(line["method"], line["status"], line["request_id"]) for line in requests] == [
        ("POST", 200, REQUEST),
        ("GET", 200, REQUEST),
    ]
    assert all(line["trace_id"] for line in requests)


async def test_no_secret_is_in_any_log_line(told):
    written = told.api.log + told.worker.log
    assert [secret for secret in told.secrets if secret in written] == []


async def test_a_worker_tells_its_numbers_and_the_sdk_s(told):
    assert 'model_calls_total{model="fake",outcome="succeeded"} 2.0' in told.numbers
    assert 'model_calls_total{model="unknown",outcome="MODEL_REJECTED"} 1.0' in told.numbers
    assert 'tool_calls_total{outcome="succeeded",tool="current_time"} 1.0' in told.numbers
    tokens = re.search(r'model_tokens_total\{kind="output",model="fake"\} (\d+)', told.numbers)
    assert int(tokens[1]) > 0
    assert re.search(r'model_cost_dollars_total\{model="fake"\} \d', told.numbers)
    assert 'activity_duration_seconds_count{activity="finish_run",outcome="succeeded"} 2.0' in told.numbers
    assert re.search(r"temporal_workflow_completed_total\{.*\} \d", told.numbers)


async def test_the_api_tells_its_open_streams_and_its_requests(told):
    assert "http_streams_open 0.0" in told.api_numbers
    assert "database_connections_in_use" in told.api_numbers
    assert re.search(
        r'http_requests_total\{method="POST",route=".*/agent/chat/stream",status="200"\} 2.0', told.api_numbers
    )


async def test_both_processes_end_well_when_they_are_asked_to(told):
    assert told.codes == (0, -signal.SIGTERM)  # uvicorn ends in order, then by the signal itself
