"""Documents and their users' accounts, on servers of their own: what embedding costs, and what goes with a user who is deleted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from temporalio.service import RPCError

from agents_backend.contracts import activities as names
from agents_backend.db.base import Database
from agents_backend.integrations.temporal import connect
from agents_backend.settings import (
    AgentSettings,
    CreditSettings,
    EmbeddingSettings,
    ModelConfig,
    ModelSettings,
    Settings,
)
from tests.api.people import until
from tests.api.test_credits import balance, runs, settled, somebody, usage
from tests.api.test_files import upload as stage
from tests.api.test_rag import MOORS, PATIENCE, RESOURCES, SEARCH, add, upload
from tests.conftest import running_stack, settings_for
from tests.fakes.embedding_server import FakeEmbeddings, tokens
from tests.fakes.mcp_server import FakeMcp
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.wire import Asked, Server, answer
from tests.running import running_worker
from tests.schedulers import create, ended, never, run_now
from tests.serving import serving
from tests.streams import chat

MODEL = "openai:text-embedding-3-small"
A_TOKEN = 0.01  # credits
SWEEPS = (names.SWEEP_RESOURCES_WORKFLOW, names.EXPIRE_FILES_WORKFLOW, names.SWEEP_RUNS_WORKFLOW)


@pytest.fixture(scope="module")
async def embeddings() -> AsyncIterator[FakeEmbeddings]:
    async with FakeEmbeddings() as fake:
        yield fake


@pytest.fixture(scope="module")
async def paid(embeddings: FakeEmbeddings, tmp_path_factory) -> AsyncIterator[Settings]:
    """Embedding costs, the chat's model nothing."""
    async with running_stack() as stack, FakeOpenAI() as fake:
        yield settings_for(
            stack,
            models=ModelSettings(list=(ModelConfig(name="fake", model="fake", base_url=fake.base_url),)),
            credits=CreditSettings(enabled=True, per_usd=100, reserve=1),
            embeddings=EmbeddingSettings(provider="openai", url=f"{embeddings.url}/v1", price=A_TOKEN * 1e6 / 100),
            agents=AgentSettings(fetch_allow_loopback=True),
            data_dir=tmp_path_factory.mktemp("accounts"),
        )


@pytest.fixture(scope="module")
async def admin(paid: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(paid, queues=("chat", "media"), seconds=PATIENCE) as client,
        running_worker(paid, ["background"]),
    ):
        yield client


async def charged(client: httpx.AsyncClient) -> list[tuple[str, str, int, float]]:
    """What each part of the last run was charged: its source, name, calls and credits."""
    parts = (await usage(client))["items"][0]["parts"]
    return [(part["source"], part["name"], part["calls"], part["charged"]) for part in parts]


async def test_an_ingestion_is_charged_by_the_tokens_that_its_embedding_took(admin):
    async with somebody(admin, 5) as (_, client):
        made = await add(client, "Pier", MOORS)
        cost = tokens([MOORS]) * A_TOKEN
        assert await settled(client) == pytest.approx(5 - cost)
        assert await charged(client) == [("model", MODEL, 1, pytest.approx(cost))]
        run = (await client.get(f"/agent/runs/{made['run_id']}")).json()
        assert (run["model"], run["usage"]["input_tokens"]) == (MODEL, tokens([MOORS]))
        assert run["cost_usd"] * 100 == pytest.approx(cost)
        same = await add(client, replaces=made["id"], content=MOORS)  # nothing is embedded anew
        assert (same["status"], await settled(client)) == ("ready", pytest.approx(5 - cost))
        movements = (await client.get("/agent/credits/ledger", params={"size": 200})).json()["items"]
        assert sum(entry["amount"] for entry in movements) == pytest.approx((await balance(client))[0])


async def test_a_search_by_an_agent_is_charged_to_its_run_and_one_by_hand_to_nobody(admin):
    async with somebody(admin, 5) as (_, client):
        await add(client, "Pier", MOORS)
        before = await settled(client)
        found = await client.post(SEARCH, json={"query": "Where do long boats moor?"})
        assert (found.status_code, found.json()["method"]) == (200, "hybrid")
        assert await balance(client) == (before, 0)
        await chat(client, '[tool:retrieve {"query": "Where do long boats moor?"}]')
        cost = tokens(["Where do long boats moor?"]) * A_TOKEN
        assert await settled(client) == pytest.approx(before - cost)
        assert ("tool", "retrieve", 1, pytest.approx(cost)) in await charged(client)


async def test_what_is_embedded_again_after_a_failure_is_charged_once(admin, embeddings):
    passages = [f"Fact number {n} of many." for n in range(100)]
    content = "\n\n".join(f"## Part {n}\n\n{said}" for n, said in enumerate(passages))
    embeddings.faults = ["", "500", "429"]  # the second half fails twice, and with it its activity
    async with somebody(admin, 20) as (_, client):
        made = await add(client, "Facts", content)
        assert (made["status"], made["passages"], embeddings.faults) == ("ready", 100, [])
        counts = {said: count for (_, said), count in embeddings.embedded.items() if "Fact number" in said}
        assert set(counts.values()) == {1}
        cost = tokens(counts) * A_TOKEN
        assert await settled(client) == pytest.approx(20 - cost)
        assert await charged(client) == [("model", MODEL, 2, pytest.approx(cost))]


async def test_without_credits_nothing_is_ingested_and_nothing_kept(admin, embeddings, paid):
    asked, folder = len(embeddings.asked), Path(paid.data_dir) / "storage" / "rag"
    before = {path for path in folder.rglob("*") if path.is_file()}
    async with somebody(admin, 0.5) as (_, client):
        refused = await client.post(RESOURCES, json={"title": "Pier", "text": MOORS})
        assert (refused.status_code, refused.json()["code"]) == (402, "INSUFFICIENT_CREDITS")
        assert (await client.get(RESOURCES)).json()["total"] == 0
        assert await runs(client) == 0
        assert await balance(client) == (0.5, 0)
    assert len(embeddings.asked) == asked
    assert {path for path in folder.rglob("*") if path.is_file()} == before


async def test_an_ingestion_that_would_cost_more_than_there_is_fails_so_before_it_is_embedded(admin, embeddings):
    asked = len(embeddings.asked)
    async with somebody(admin, 1.2) as (_, client):
        made = await add(client, "Long", "word " * 400)
        assert (made["status"], made["error_code"]) == ("failed", "INSUFFICIENT_CREDITS")
        assert await settled(client) == pytest.approx(1.2)
    assert len(embeddings.asked) == asked


async def test_a_scheduled_refresh_without_credits_fails_so_and_leaves_the_document_as_it_is(admin):
    async def page(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await answer(writer, f"# Pier\n\n{MOORS}", kind="text/markdown")

    async with Server(page) as server, somebody(admin, 1) as (_, client):
        made = (await client.post(RESOURCES, json={"url": f"{server.url}/pier"}, timeout=PATIENCE)).json()
        left = await settled(client)
        assert (made["status"], left < 1) == ("ready", True), made
        scheduler = await create(client, never(task="rag_refresh", kwargs={"resource_id": made["id"]}))
        await run_now(client, scheduler)
        (fire,) = await ended(client, scheduler)
        assert (fire["status"], fire["error"]["code"]) == ("failed", "INSUFFICIENT_CREDITS")
        assert (await client.get(f"{RESOURCES}/{made['id']}")).json() == made
        assert await balance(client) == (left, 0)


async def test_what_was_a_deleted_user_s_alone_goes_with_the_next_sweeps(admin, paid):
    async with FakeMcp() as server, somebody(admin, 5) as (user, client), somebody(admin, 5) as (_, other):
        made = await upload(client, "pier.txt", MOORS.encode())
        file = await stage(client, "notes.txt", b"mine")
        codex = await client.post("/agent/user-settings/mcp/codex", json={"apikey": "sk-of-somebody"})
        custom = await client.post("/agent/user-settings/mcp/custom", json={"name": "mine", **server.body})
        assert (codex.status_code, custom.status_code) == (201, 201)
        kept = (await upload(other, "theirs.txt", MOORS.encode()), await stage(other, "theirs.txt", b"theirs"))
        storage = Path(paid.data_dir) / "storage"
        mine = (storage / "rag" / made["id"], storage / "files" / file["id"])
        assert all(path.exists() for path in mine)
        assert (await admin.delete(f"/admin/sys/users/{user['id']}")).status_code == 204
        async with Database(paid.database) as database:
            await until(lambda: swept(paid, database, user["id"]), PATIENCE)
        assert not any(path.is_file() for folder in mine for path in (folder, *folder.rglob("*")))
        assert (await other.get(f"{RESOURCES}/{kept[0]['id']}")).json()["status"] == "ready"
        assert (await other.get(f"/agent/files/{kept[1]['id']}/content")).content == b"theirs"


async def swept(settings: Settings, database: Database, user_id: int) -> bool:
    """Whether no row of a user's documents, files and settings is left; lets the sweeps run."""
    temporal = await connect(settings)
    for name in SWEEPS:
        try:
            await temporal.get_schedule_handle(f"upkeep-{name}").trigger()
        except RPCError:  # the worker makes the schedule when it starts
            return False
    tables = ("rag_resources", "rag_passages", "staged_files", "coding_agents", "mcp_servers")
    conditions = dict.fromkeys(tables, "user_id = :user_id") | {"runs": "user_id = :user_id and kind = 'ingest'"}
    async with database.transaction() as session:
        left = [
            await session.scalar(text(f"select count(*) from {table} where {which}"), {"user_id": user_id})
            for table, which in conditions.items()
        ]
    return not any(left)
