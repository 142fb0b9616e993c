"""E2B fails on the wire, in every way that it can: typed errors in time, and never a second sandbox."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from agents_backend.db.base import Database, now
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables import Sandbox
from agents_backend.integrations.temporal import connect
from agents_backend.services import sandbox_sweeps
from agents_backend.services.sandbox_parts import SandboxParts, sandbox_parts
from agents_backend.settings import E2BSettings, SandboxSettings, Settings
from agents_backend.stack.stack import Stack
from tests.api import people
from tests.api.people import Admin
from tests.conftest import settings_for
from tests.fakes.e2b_server import FakeE2B
from tests.running import running_worker
from tests.sandboxes.conftest import serving, signed_in

BASE = "/agent/sandboxes"


@pytest.fixture(scope="module")
async def e2b() -> AsyncIterator[FakeE2B]:
    async with FakeE2B() as fake:
        yield fake


@pytest.fixture(autouse=True)
def well(e2b: FakeE2B) -> None:
    e2b.fail.clear()


@pytest.fixture(scope="module")
def fake_settings(stack: Stack, e2b: FakeE2B) -> Settings:
    found = E2BSettings(api_key="e2b_fake", api_url=e2b.url, sandbox_url=e2b.url, request_timeout_seconds=2)
    limits = SandboxSettings(per_user=200, check_seconds=3600, retention_days=1)
    return settings_for(stack, e2b=found, sandboxes=limits)


@pytest.fixture(scope="module")
async def fake_url(fake_settings: Settings, database: Database) -> AsyncIterator[str]:
    async with running_worker(fake_settings, ["sandbox"]), serving(fake_settings) as url:
        yield url


@pytest.fixture
async def client(fake_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(fake_url) as client:
        yield client


@pytest.fixture
async def parts(fake_settings: Settings, database: Database, fake_url: str) -> SandboxParts:
    temporal = await connect(fake_settings)
    return sandbox_parts(database=database, temporal=temporal, settings=fake_settings)


async def make(client: httpx.AsyncClient) -> str:
    made = await client.post(BASE, json={})
    assert made.status_code == 201, made.text
    return made.json()["sandbox_id"]


def owned(e2b: FakeE2B, sandbox: str) -> list[str]:
    return [box["state"] for box in e2b.boxes.values() if sandbox in box["metadata"].values()]


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (500, 502, "SANDBOX_FAILED"),
        (503, 503, "SANDBOX_UNAVAILABLE"),
        (429, 503, "SANDBOX_UNAVAILABLE"),
        (401, 503, "SANDBOX_UNAVAILABLE"),
        (400, 400, "VALIDATION_ERROR"),
        ("hang", 504, "SANDBOX_TIMEOUT"),
    ],
)
async def test_a_creation_that_fails_is_told_and_leaves_nothing(
    client: httpx.AsyncClient, e2b: FakeE2B, failure: int | str, status: int, code: str
):
    before = set(e2b.boxes)
    e2b.fail["create"] = failure
    began = time.monotonic()
    answer = await client.post(BASE, json={})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert time.monotonic() - began < 10  # what the issue asks of us, not how fast this machine is
    assert set(e2b.boxes) == before
    if status != 400:
        assert "secret" not in answer.text
    listed = (await client.get(BASE, params={"status": "failed"})).json()["items"][0]
    assert listed["reason"] == answer.json()["detail"]


async def test_a_creation_whose_answer_never_comes_leaves_no_sandbox_behind(client: httpx.AsyncClient, e2b: FakeE2B):
    before = set(e2b.boxes)
    e2b.fail["create"] = "made-then-hang"
    answer = await client.post(BASE, json={})
    assert (answer.status_code, answer.json()["code"]) == (504, "SANDBOX_TIMEOUT")
    async with asyncio.timeout(30):
        while set(e2b.boxes) != before:
            await asyncio.sleep(0.05)


async def test_a_pause_or_a_resume_that_fails_leaves_the_state_as_it_is(client: httpx.AsyncClient, e2b: FakeE2B):
    sandbox = await make(client)
    e2b.fail["pause"] = 500
    refused = await client.post(f"{BASE}/{sandbox}/pause")
    assert (refused.status_code, refused.json()["code"]) == (502, "SANDBOX_FAILED")
    assert (await client.get(f"{BASE}/{sandbox}")).json()["status"] == "running"
    e2b.fail.clear()
    assert (await client.post(f"{BASE}/{sandbox}/pause")).json()["status"] == "paused"
    e2b.fail["connect"] = "hang"
    refused = await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox})
    assert (refused.status_code, refused.json()["code"]) == (504, "SANDBOX_TIMEOUT")
    assert (await client.get(f"{BASE}/{sandbox}")).json()["status"] == "paused"
    e2b.fail.clear()
    assert (await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox})).json()["status"] == "running"
    assert owned(e2b, sandbox) == ["running"]


async def test_a_sandbox_that_is_gone_when_it_is_resumed_is_told_and_not_made_again(
    client: httpx.AsyncClient, e2b: FakeE2B
):
    sandbox = await make(client)
    await client.post(f"{BASE}/{sandbox}/pause")
    e2b.boxes.clear()
    creates = e2b.creates
    gone = await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox})
    assert (gone.status_code, gone.json()["code"]) == (409, "SANDBOX_GONE")
    assert (await client.get(f"{BASE}/{sandbox}")).json()["status"] == "lost"
    assert (await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox})).status_code == 409
    assert e2b.creates == creates


async def test_a_sandbox_that_cannot_be_deleted_now_is_deleted_later(client: httpx.AsyncClient, e2b: FakeE2B):
    sandbox = await make(client)
    e2b.fail["kill"] = 500
    refused = await client.delete(f"{BASE}/{sandbox}")
    assert refused.status_code == 502
    assert (await client.get(f"{BASE}/{sandbox}")).json()["status"] == "running"
    e2b.fail.clear()
    assert (await client.delete(f"{BASE}/{sandbox}")).status_code == 204
    assert owned(e2b, sandbox) == []


async def until(client: httpx.AsyncClient, sandbox: str, status: str) -> dict:
    async with asyncio.timeout(60):
        while (found := (await client.get(f"{BASE}/{sandbox}")).json())["status"] != status:
            await asyncio.sleep(0.05)
    return found


async def bring_forward(database: Database, parts: SandboxParts, sandbox: str, seconds: float = 0) -> None:
    """Let a sandbox's time be up: its row says so, and its workflow begins anew from it."""
    from datetime import timedelta  # noqa: PLC0415

    async with database.transaction() as session:
        row = await SandboxRepository(session).sandbox(sandbox)
        row.expires_at = now() + timedelta(seconds=seconds)
    handle = parts.access._entities._temporal.get_workflow_handle(f"sandbox-{sandbox}")
    await handle.terminate("the test lets time pass")
    await parts.access._entities.start(row)


async def test_a_sandbox_whose_time_is_up_is_paused_and_one_that_is_idle_for_long_is_removed_and_said(
    client: httpx.AsyncClient, e2b: FakeE2B, database: Database, parts: SandboxParts
):
    sandbox = await make(client)
    await bring_forward(database, parts, sandbox)
    await until(client, sandbox, "paused")
    assert owned(e2b, sandbox) == ["paused"]
    await bring_forward(database, parts, sandbox)
    found = await until(client, sandbox, "expired")
    assert "removed" in found["reason"]
    assert owned(e2b, sandbox) == []


async def test_a_sandbox_that_is_busy_when_its_time_is_up_is_let_run(
    client: httpx.AsyncClient, e2b: FakeE2B, database: Database, parts: SandboxParts
):
    sandbox = await make(client)
    async with database.transaction() as session:
        rows = SandboxRepository(session)
        row = await rows.sandbox(sandbox)
        await rows.add_command(
            "cmd_busy", sandbox_id=sandbox, user_id=row.user_id, command="x", env=None, timeout_seconds=60
        )
    await bring_forward(database, parts, sandbox)
    async with asyncio.timeout(60):
        while (await client.get(f"{BASE}/{sandbox}")).json()["expires_at"] < now().isoformat():
            await asyncio.sleep(0.05)
    assert owned(e2b, sandbox) == ["running"]


async def test_the_sweep_removes_strays_revives_workflows_and_finds_what_is_gone(
    client: httpx.AsyncClient, e2b: FakeE2B, database: Database, parts: SandboxParts, monkeypatch
):
    from datetime import timedelta  # noqa: PLC0415

    monkeypatch.setattr(sandbox_sweeps, "GRACE", timedelta(0))
    deleted, gone, orphan, well = [await make(client) for _ in range(4)]
    stray = dict(next(box for box in e2b.boxes.values() if deleted in box["metadata"].values()))
    await client.delete(f"{BASE}/{deleted}")
    e2b.boxes["istray"] = {**stray, "sandboxID": "istray"}
    foreign = {**stray, "sandboxID": "iforeign", "metadata": {"agents-backend-sandbox": "sbx_of_another_deployment"}}
    e2b.boxes["iforeign"] = foreign
    e2b.boxes = {name: box for name, box in e2b.boxes.items() if gone not in box["metadata"].values()}
    handle = parts.access._entities._temporal.get_workflow_handle(f"sandbox-{orphan}")
    await handle.terminate("the test")
    swept = await parts.sweeps.sweep()
    assert swept.strays == 1
    assert swept.revived >= 1
    assert swept.checked >= 1
    assert "istray" not in e2b.boxes
    assert "iforeign" in e2b.boxes
    assert (await client.get(f"{BASE}/{gone}")).json()["status"] == "lost"
    assert (await client.post(f"{BASE}/{orphan}/pause")).json()["status"] == "paused"
    assert (await client.get(f"{BASE}/{well}")).json()["status"] == "running"
    async with database.transaction() as session:
        row: Sandbox = await SandboxRepository(session).sandbox(deleted)
    assert row.status == "deleted"


async def test_the_sweep_removes_the_sandboxes_of_a_user_who_was_deleted(
    client: httpx.AsyncClient, e2b: FakeE2B, parts: SandboxParts
):
    user = await Admin(client).user()
    async with people.signed_in(client, user["username"]) as theirs:
        sandbox, kept = await make(theirs), await make(client)
        assert (await client.delete(f"/admin/sys/users/{user['id']}")).status_code == 204
        assert owned(e2b, sandbox) == ["running"]
        assert (await parts.sweeps.sweep()).departed >= 1
        assert owned(e2b, sandbox) == []
        assert owned(e2b, kept) == ["running"]


async def test_without_a_key_there_are_no_sandboxes_and_that_is_said(
    fake_settings: Settings, fake_url: str, database: Database, monkeypatch
):
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    bare = fake_settings.model_copy(update={"e2b": E2BSettings()})
    temporal = await connect(bare)
    parts = sandbox_parts(database=database, temporal=temporal, settings=bare)
    assert not any((await parts.sweeps.sweep()).model_dump().values())
    with pytest.raises(Exception, match="E2B_API_KEY"):
        await parts.boxes.all()
