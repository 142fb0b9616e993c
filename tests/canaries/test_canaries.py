"""Secrets go through the whole product, and are in nothing that it keeps: tables, Redis, Temporal's database, logs, files.

API and worker are processes as they are deployed, with the log turned up and payloads encrypted.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from agents_backend.contracts.queues import QUEUES
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.stack.process import free_port
from tests.canaries import mcp, stores
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.e2b_server import FakeE2B
from tests.fakes.edge_server import FakeEdge
from tests.fakes.http_server import FakeHttp
from tests.fakes.oauth_provider import CLIENT_ID, CLIENT_SECRET, GITHUB_ISSUER, FakeProviders
from tests.fakes.openai_server import FakeOpenAI
from tests.schedulers import BASE, calling, create, ended, never, run_now
from tests.telemetry.processes import LoggedProcess

TEXT = "canary-of-what-was-said-7f3a9c51"
MODEL_KEY = "canary-of-the-model-key-5d0e77b2"
E2B_KEY = "canary-of-the-e2b-key-90b1c3d4"


@dataclass
class Driven:
    """The secrets by name, what each store holds, and ids that must be found."""

    secrets: dict[str, str] = field(default_factory=dict)
    kept: dict[str, list[stores.Found]] = field(default_factory=dict)
    run_id: str = ""

    def where(self, canary: str) -> set[str]:
        """The places in which a text stands, however it is spelled."""
        wanted = stores.spellings(canary)
        everything = [found for kept in self.kept.values() for found in kept]
        return {place for place, held in everything if any(spelling in held for spelling in wanted)}


def environment_of(given: dict[str, str], folder: Path, ports: list[int], fakes: dict[str, str]) -> dict[str, str]:
    base = f"http://127.0.0.1:{ports[0]}"
    model = {"name": "fake", "model": "fake", "base_url": fakes["model"], "api_key": MODEL_KEY}
    return {
        **given,
        "API_PORT": str(ports[0]),
        "API_PUBLIC_URL": base,
        "WORKER_METRICS_PORT": str(ports[1]),
        "LOG_LEVEL": "DEBUG",
        "DATA_DIR": str(folder / "data"),
        "TEMPORAL_ENCRYPT_PAYLOADS": "true",
        "MODEL_LIST": json.dumps([model]),
        "AGENT_FETCH_ALLOW_LOOPBACK": "true",
        "CLAUDE_CODE_TOKEN_URL": fakes["anthropic"],
        "SPEECH_PROVIDER": "edge",
        "SPEECH_EDGE_URL": fakes["edge"],
        "E2B_API_KEY": E2B_KEY,
        "E2B_API_URL": fakes["e2b"],
        "E2B_SANDBOX_URL": fakes["e2b"],
        "OAUTH2_SIGN_UP": "true",
        "OAUTH2_GITHUB_CLIENT_ID": CLIENT_ID,
        "OAUTH2_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
        "OAUTH2_GITHUB_ISSUER": GITHUB_ISSUER,
        "OAUTH2_GITHUB_AUTHORIZE_URL": f"{fakes['oauth']}/github/authorize",
        "OAUTH2_GITHUB_TOKEN_URL": f"{fakes['oauth']}/github/token",
        "OAUTH2_GITHUB_API_URL": f"{fakes['oauth']}/github/api/",
    }


@pytest.fixture(scope="module")
async def driven(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driven]:
    folder, ports = tmp_path_factory.mktemp("canaries"), [free_port(), free_port()]
    logs = folder / "logs"
    logs.mkdir()
    base = f"http://127.0.0.1:{ports[0]}"
    async with (
        running_stack() as stack,
        FakeOpenAI() as model,
        FakeEdge() as edge,
        FakeE2B() as e2b,
        FakeHttp() as web,
        FakeProviders(base) as providers,
        mcp.vendors() as vendors,
    ):
        given, found = stack.environment(), Driven()
        settings = settings_for(stack)
        await asyncio.to_thread(upgrade, given["DATABASE_URL"])
        async with Database(settings.database) as database:
            await seed(database, settings)
        fakes = {"model": model.base_url, "edge": edge.url, "e2b": e2b.url, "oauth": providers.url}
        fakes["anthropic"] = vendors.anthropic.token_url
        environment = environment_of(given, folder, ports, fakes)
        with (
            LoggedProcess("worker", "--queues", ",".join(QUEUES), environment=environment, folder=logs) as worker,
            LoggedProcess("api", environment=environment, folder=logs) as api,
        ):
            await api.until_answers(f"{base}/health/ready")
            await worker.until_answers(f"http://127.0.0.1:{ports[1]}/health/live")
            async with httpx.AsyncClient(base_url=f"{base}/api/v1", timeout=60) as client:
                await sign_in(client, found)
                await people(client, found)
                await speak(client, found)
                await schedule(client, found, web)
                found.secrets |= await mcp.coding_agents(client, vendors)
                await box(client, found)
                found.secrets |= await mcp.servers(client, vendors)
                await by_provider(found, base, providers)
                found.run_id = await converse(client, found)
        found.secrets |= {"the vault's key": given["VAULT_KEYS"], "the signing secret": given["AUTH_SECRET"]}
        found.kept = {
            "PostgreSQL": [row async for row in stores.rows(given["DATABASE_URL"])],
            "Redis": [key async for key in stores.keys(given["REDIS_URL"])],
            "Temporal": list(stores.files("Temporal", stack.data_dir / "temporal")),
            "logs": [*stores.files("log", logs), *stores.files("log", stack.data_dir / "logs")],
            "files": list(stores.files("file", folder / "data")),
        }
        yield found


async def sign_in(client: httpx.AsyncClient, found: Driven) -> None:
    """As the administrator: wrongly, rightly, renewed; then with the newest token."""
    found.secrets |= {"a wrong password": "canary-of-a-wrong-password", "the password": PASSWORD}
    login = "/admin/auth/login"
    wrong = {"username": "admin", "password": found.secrets["a wrong password"]}
    assert (await client.post(login, json=wrong)).status_code == 401
    first = (await client.post(login, json={"username": "admin", "password": PASSWORD})).json()
    renewed = (await client.post("/admin/auth/token/refresh", json={"refresh_token": first["refresh_token"]})).json()
    for number, tokens in enumerate((first, renewed)):
        found.secrets |= {f"access token {number}": tokens["access_token"]}
        found.secrets |= {f"refresh token {number}": tokens["refresh_token"].partition(".")[2]}
    client.headers["Authorization"] = f"Bearer {renewed['access_token']}"
    found.secrets["a token in a query"] = "canary-of-a-query-token"
    await client.get("/admin/sys/users/me", params={"access_token": found.secrets["a token in a query"]})


async def people(client: httpx.AsyncClient, found: Driven) -> None:
    """A user is made, told a new password, and changes it; a password is written into a field it does not belong to."""
    mine = {name: f"canary-of-{name}-password-31" for name in ("the-first", "the-second", "the-third", "a-refused")}
    found.secrets |= mine
    made = await client.post("/admin/sys/users", json={"username": "ann", "password": mine["the-first"]})
    assert made.status_code == 201, made.text
    reset = await client.put(f"/admin/sys/users/{made.json()['id']}/password", json={"password": mine["the-second"]})
    assert reset.status_code == 200, reset.text
    told = (await client.put(f"/admin/sys/users/{made.json()['id']}/password", json={})).json()["password"]
    found.secrets["a password that was made"] = told
    async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as ann:
        tokens = (await ann.post("/admin/auth/login", json={"username": "ann", "password": told})).json()
        ann.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        change = {"old_password": told, "new_password": mine["the-third"]}
        assert (await ann.put("/admin/sys/users/me/password", json=change)).status_code == 200
    refused = {"username": "bob", "password": mine["a-refused"], "is_admin": True, "api_key": mine["a-refused"]}
    assert (await client.post("/admin/sys/users", json=refused)).status_code == 400


async def speak(client: httpx.AsyncClient, found: Driven) -> None:
    """A file is made, and opened by its signed link."""
    found.secrets["an Idempotency-Key"] = "canary-of-a-key-of-one-request"
    answer = await client.post(
        "/agent/tts/synthesize",
        json={"text": "Nothing secret."},
        headers={"Idempotency-Key": found.secrets["an Idempotency-Key"]},
    )
    assert answer.status_code == 200, answer.text
    run = (await client.get(f"/agent/runs/{answer.headers['X-Run-Id']}")).json()
    link = (await client.post(f"{run['artifacts'][0]['url'].removeprefix('/api/v1')}/link")).json()["url"]
    found.secrets["a signed link"] = link.rpartition("/")[2]
    assert (await client.get(httpx.URL(client.base_url).join(link))).content == answer.content


async def schedule(client: httpx.AsyncClient, found: Driven, web: FakeHttp) -> None:
    """A job that holds a secret is refused; one that calls an address, and tells a webhook, signs both."""
    header = found.secrets["a job's header"] = "canary-of-a-job-header-44"
    secret = {"url": f"{web.url}/hook", "headers": {"Authorization": f"Bearer {header}"}}
    refused = await client.post(BASE, json=never(task="http_request", kwargs=secret))
    assert refused.status_code == 400
    body = never(**calling(f"{web.url}/hook"), webhook_url=f"{web.url}/told")
    made = await create(client, body)
    told = (await client.post(f"/task/schedulers/{made['id']}/secret")).json()["secret"]
    found.secrets["a webhook's secret"] = told.removeprefix("whsec_")
    await run_now(client, made)
    (done,) = await ended(client, made)
    assert done["status"] == "succeeded", done
    assert web.at("/hook")[0].headers["webhook-signature"]


async def box(client: httpx.AsyncClient, found: Driven) -> None:
    """A sandbox, whose own tokens come from E2B; a presigned address that leads nowhere."""
    found.secrets |= {"E2B's key": E2B_KEY, "envd's token": FakeE2B.ENVD, "a port's token": FakeE2B.TRAFFIC}
    made = await client.post("/agent/sandboxes", json={})
    assert made.status_code == 201, made.text
    found.secrets["a presigned signature"] = "canary-of-a-presigned-signature"
    url = f"http://127.0.0.1:9/bucket/key?X-Amz-Signature={found.secrets['a presigned signature']}"
    body = {"sandbox_id": made.json()["sandbox_id"], "path": "/tmp/x", "presigned_url": url}
    assert (await client.post("/agent/sandboxes/download-to-presigned", json=body)).status_code >= 400
    url = f"http://127.0.0.1:9/x?signature={found.secrets['a presigned signature']}"
    body = {"sandbox_id": made.json()["sandbox_id"], "path": "/tmp/x", "url": url}
    assert (await client.post("/agent/sandboxes/upload-from-url", json=body)).status_code >= 400


async def by_provider(found: Driven, base: str, providers: FakeProviders) -> None:
    """Somebody signs in with GitHub."""
    async with httpx.AsyncClient(base_url=base, timeout=60, follow_redirects=False) as browser:
        begun = await browser.get("/api/v1/admin/oauth2/github/authorize")
        consented = await browser.get(begun.headers["Location"])
        answer = await browser.get(consented.headers["Location"])
        assert answer.status_code == 200, answer.text
    found.secrets |= {f"a provider's {number}": value for number, value in enumerate(providers.sent)}
    found.secrets |= {"the client's secret": CLIENT_SECRET, "a provider's sign-in": answer.json()["access_token"]}


async def converse(client: httpx.AsyncClient, found: Driven) -> str:
    """A chat with a tool, and one whose vendor refuses; the first one's id."""
    found.secrets["the model's key"] = MODEL_KEY
    runs = []
    for text in (f'{TEXT} [tool:current_time {{"timezone": "UTC", "note": "{TEXT}"}}]', "no [error=401]"):
        body = {"messages": [{"role": "user", "content": text}]}
        async with client.stream("POST", "/agent/chat/stream", json=body) as answer:
            assert answer.status_code == 200
            await answer.aread()
            runs.append(answer.headers["X-Run-Id"])
    return runs[0]


def test_every_store_is_really_read(driven):
    """An id that belongs there is found in each; else a search that finds nothing shows nothing."""
    found = {place.split(" ", 1)[0] for place in driven.where(driven.run_id)}
    assert {"PostgreSQL", "Redis", "Temporal", "log"} <= found
    assert driven.kept["files"]
    assert all(driven.kept.values())


def test_no_secret_is_kept_anywhere(driven):
    assert len(driven.secrets) > 40
    assert all(len(secret) > 11 for secret in driven.secrets.values())
    assert {name: places for name, secret in driven.secrets.items() if (places := driven.where(secret))} == {}


def test_what_is_said_in_a_chat_is_in_postgresql_and_neither_in_temporal_nor_in_a_log(driven):
    places = {place.split(" ", 1)[0] for place in driven.where(TEXT)}
    assert {"PostgreSQL"} <= places <= {"PostgreSQL", "Redis"}
