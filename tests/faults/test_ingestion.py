"""Ingestion by a server's embeddings, on servers of its own: kill -9 in the middle, a model that is away or changes, a URL, a cancel."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from sqlalchemy import text

from agents_backend.contracts.activities import SWEEP_RESOURCES_WORKFLOW
from agents_backend.db.base import Database
from agents_backend.integrations.temporal import connect
from agents_backend.settings import AgentSettings, EmbeddingSettings, Settings
from agents_backend.stack.stack import Stack
from tests.api.people import until
from tests.api.test_rag import MOORS, PATIENCE, RESOURCES, SEARCH, add
from tests.api.test_speech import ended
from tests.conftest import running_stack, settings_for
from tests.fakes.embedding_server import FakeEmbeddings, tokens
from tests.fakes.wire import Asked, Server, answer
from tests.processes import Process
from tests.schedulers import upkeep_now
from tests.serving import serving

pytestmark = pytest.mark.faults
PASSAGES = 400


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
async def embeddings() -> AsyncIterator[FakeEmbeddings]:
    async with FakeEmbeddings() as fake:
        yield fake


@pytest.fixture(scope="module")
def environment(stack: Stack, embeddings: FakeEmbeddings, tmp_path_factory) -> dict[str, str]:
    return {
        **stack.environment(),
        "ENVIRONMENT": "test",
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "EMBEDDING_PROVIDER": "openai",
        "EMBEDDING_URL": f"{embeddings.url}/v1",
        "EMBEDDING_MODEL": "first",
        "AGENT_FETCH_ALLOW_LOOPBACK": "true",
    }


@pytest.fixture(scope="module")
def settings(stack: Stack, environment: dict[str, str]) -> Settings:
    return settings_for(
        stack,
        data_dir=environment["DATA_DIR"],
        agents=AgentSettings(fetch_allow_loopback=True),
        embeddings=EmbeddingSettings(provider="openai", url=environment["EMBEDDING_URL"], model="first"),
    )


@pytest.fixture(scope="module")
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings, worker=False) as client:
        client.timeout = PATIENCE
        yield client


@pytest.fixture(scope="module")
def worker(environment: dict[str, str], client: httpx.AsyncClient) -> Iterator[Process]:
    process = Process("worker", "--queues", "media", environment=environment)
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
async def database(settings: Settings, client: httpx.AsyncClient) -> AsyncIterator[Database]:
    async with Database(settings.database) as database:
        yield database


async def models(database: Database, resource: dict) -> list[str]:
    """What embedded each passage of a resource."""
    async with database.transaction() as session:
        query = text("select coalesce(model, '') from rag_passages where resource_id = :id order by position")
        return list((await session.scalars(query, {"id": uuid.UUID(resource["id"])})).all())


async def test_an_ingestion_whose_worker_is_killed_goes_on_and_embeds_nothing_twice(
    client, worker, embeddings, database
):
    mark = uuid.uuid4().hex[:6]
    content = "\n\n".join(f"## Part {n}\n\n{mark} fact number {n}." for n in range(PASSAGES))
    embeddings.delay = 0.5
    made = (
        await client.post(RESOURCES, json={"title": "Facts", "text": content}, headers={"Prefer": "respond-async"})
    ).json()
    assert (made["status"], made["passages"]) == ("pending", 0)
    await until(lambda: _at_least(embeddings, 100), PATIENCE)
    worker.kill()
    embeddings.delay = 0.0
    worker.start()
    run = await ended(client, made["run_id"])
    assert run["status"] == "succeeded", run
    ready = (await client.get(f"{RESOURCES}/{made['id']}")).json()
    assert (ready["status"], ready["passages"]) == ("ready", PASSAGES)
    assert await models(database, ready) == ["openai:first"] * PASSAGES
    counts = [count for (_, said), count in embeddings.embedded.items() if mark in said]
    assert len(counts) == PASSAGES
    assert sum(counts) <= PASSAGES + 128  # what was under way at the moment of the kill, at most
    assert run["usage"]["input_tokens"] == tokens(said for _, said in embeddings.embedded if mark in said)  # each once
    (best, *_) = (await client.post(SEARCH, json={"query": f"fact number 123 {mark}", "limit": 1})).json()["items"]
    assert best["text"] == f"{mark} fact number 123."


async def _at_least(embeddings: FakeEmbeddings, count: int) -> bool:
    return sum(embeddings.embedded.values()) >= count


async def test_a_cancelled_ingestion_fails_so_and_leaves_no_passages(client, worker, embeddings, database):
    embeddings.delay = 0.5
    content = "\n\n".join(f"## Part {n}\n\nNever read {n}." for n in range(PASSAGES))
    made = (
        await client.post(RESOURCES, json={"title": "Never", "text": content}, headers={"Prefer": "respond-async"})
    ).json()
    before = sum(embeddings.embedded.values())
    await until(lambda: _at_least(embeddings, before + 1), PATIENCE)
    busy = await client.post(RESOURCES, json={"title": "Never", "text": "Again.", "replaces": made["id"]})
    assert (busy.status_code, busy.json()["code"]) == (409, "RESOURCE_BUSY")
    assert (await client.post(f"/agent/runs/{made['run_id']}/cancel")).status_code == 200
    assert (await ended(client, made["run_id"]))["status"] == "cancelled"
    embeddings.delay = 0.0
    failed = (await client.get(f"{RESOURCES}/{made['id']}")).json()
    assert (failed["status"], failed["error_code"]) == ("failed", "CANCELLED")
    assert await models(database, made) == []


async def test_a_url_is_fetched_again_and_ingested_anew_only_when_it_has_changed(client, worker, embeddings):
    said = "The gate is locked at ten."

    async def page(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answer(writer, f"# Gate\n\n{said}", kind="text/markdown")

    async with Server(page) as server:
        added = await client.post(RESOURCES, json={"url": f"{server.url}/gate"})
        made = added.json()
        assert (made["status"], made["source"], made["title"]) == ("ready", "url", "Gate"), made
        before = sum(embeddings.embedded.values())
        same = await client.post(f"{RESOURCES}/{made['id']}/refresh")
        assert (same.json()["status"], same.json()["sha256"]) == ("ready", made["sha256"])
        assert sum(embeddings.embedded.values()) == before
        said = "The gate is locked at eleven."
        changed = (await client.post(f"{RESOURCES}/{made['id']}/refresh")).json()
        assert changed["sha256"] != made["sha256"]
    found = (await client.post(SEARCH, json={"query": "gate locked", "resources": [{"uri": made["uri"]}]})).json()
    assert [item["text"] for item in found["items"]] == [said]
    gone = (await client.post(f"{RESOURCES}/{made['id']}/refresh")).json()
    assert (gone["status"], gone["error_code"]) == ("ready", "UPSTREAM_FAILED")


async def test_without_its_model_a_search_finds_by_words_and_says_so(client, worker, embeddings):
    made = await add(client, "Pier", MOORS)
    embeddings.fault = "500"
    given = {"query": "nine metres", "resources": [{"uri": made["uri"]}]}
    found = (await client.post(SEARCH, json=given)).json()
    embeddings.fault = ""
    assert (found["method"], [item["text"] for item in found["items"]]) == ("text", [MOORS])
    assert "does not answer" in found["notice"]
    assert "secret-body" not in str(found)


async def test_another_model_embeds_all_anew_without_anybody_asking(
    client, worker, embeddings, environment, database, settings
):
    made = await add(client, "Pier", MOORS)
    changed = Process("worker", "--queues", "background", environment={**environment, "EMBEDDING_MODEL": "second"})
    changed.start()
    try:
        await upkeep_now(await connect(settings), SWEEP_RESOURCES_WORKFLOW)

        async def embedded_anew() -> bool:
            found = (await client.get(f"{RESOURCES}/{made['id']}")).json()
            return found["embedding_model"] == "openai:second"

        await until(embedded_anew, PATIENCE)
    finally:
        changed.kill()
    assert await models(database, made) == ["openai:second"]
    assert ("second", MOORS) in embeddings.embedded
