"""The real servers, started once a test process (xdist runs two) and stopped with it; a fresh database, Redis number and fake model."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.db.tables.users import User
from agents_backend.integrations.redis_connections import connect
from agents_backend.services.passwords import Passwords
from agents_backend.services.seeds import seed
from agents_backend.settings import (
    ApiSettings,
    E2BSettings,
    ModelConfig,
    ModelSettings,
    Settings,
    SpeechSettings,
    StackSettings,
)
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack
from tests.fakes.edge_server import FakeEdge
from tests.fakes.openai_server import FakeOpenAI
from tests.prepared import forget, prepare
from tests.running import running_api
from tests.watchdog import watching
from workers.main import run as run_worker

PASSWORD = "correct-horse-battery"
# A machine that is busy with the rest of the suite must not look like a workflow that never yields.
os.environ["TEMPORAL_DEBUG"] = "1"


def pytest_sessionfinish(session) -> None:
    if not hasattr(session.config, "workerinput"):
        forget()


@asynccontextmanager
async def running_stack(
    temporal_config: Sequence[str] = (), *, sandboxes: bool = False, ui_for: ApiSettings | None = None
) -> AsyncIterator[Stack]:
    """Embedded servers of their own, in a folder of their own: PostgreSQL, as nobody when we are root, must pass through it.

    `ui_for` starts the Temporal UI too, for an API with these settings.
    """
    folder = Path(tempfile.mkdtemp(prefix="agents-backend-tests-"))
    folder.chmod(0o711)
    try:
        await prepare(folder)
        own = StackSettings(temporal_port=free_port(), temporal_ui_port=free_port(), embedded_model=False)
        settings, ui = Settings(stack=own, api=ui_for or ApiSettings()), ui_for is not None
        async with Stack(settings, folder, ui=ui, sandboxes=sandboxes, temporal_config=temporal_config) as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def free_event_loop() -> Iterator[None]:
    """Fails the session when a handler or an activity has held the loop."""
    with watching() as found:
        yield
    assert not found, "\n".join(found)


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
async def fake_model() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="session")
async def fake_edge() -> AsyncIterator[FakeEdge]:
    async with FakeEdge() as fake:
        yield fake


@pytest.fixture(scope="session")
def settings(stack: Stack, fake_model: FakeOpenAI, fake_edge: FakeEdge, tmp_path_factory) -> Settings:
    config = ModelConfig(name="fake", model="fake", base_url=fake_model.base_url, input_price=1, output_price=2)
    # Tests that sign in wrongly do so from addresses of their own, told by a proxy that is believed.
    api = Settings().api.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
    return settings_for(
        stack,
        api=api,
        models=ModelSettings(list=(config,)),
        speech=SpeechSettings(provider="edge", edge_url=fake_edge.url, price=15),
        data_dir=tmp_path_factory.mktemp("data"),
    )


def settings_for(stack: Stack, *, encrypt_payloads: bool = True, **more) -> Settings:
    """The settings of a process that uses a stack; as in production, Temporal holds ciphertext."""
    made, plain = stack.environment(), Settings()
    return Settings(
        environment="test",
        admin_password=PASSWORD,
        database=plain.database.model_copy(update={"url": secret(made["DATABASE_URL"])}),
        redis=plain.redis.model_copy(update={"url": secret(made["REDIS_URL"])}),
        temporal=plain.temporal.model_copy(
            update={"address": made["TEMPORAL_ADDRESS"], "encrypt_payloads": encrypt_payloads}
        ),
        # The session's own tokens must outlive it, on whatever machine.
        auth=plain.auth.model_copy(update={"secret": secret(made["AUTH_SECRET"]), "access_token_seconds": 4 * 3600}),
        vault=plain.vault.model_copy(update={"keys": secret(made["VAULT_KEYS"])}),
        **({"e2b": embedded_e2b(made)} if stack.sandbox_host else {}),
        **more,
    )


def embedded_e2b(made: dict[str, str]) -> E2BSettings:
    """The sandboxes of a stack that has its own host (`running_stack(sandboxes=True)`)."""
    return E2BSettings(
        api_key=secret(made["E2B_API_KEY"]),
        api_url=made["E2B_API_URL"],
        sandbox_url=made["E2B_SANDBOX_URL"],
        domain=made["E2B_DOMAIN"],
    )


def secret(text: str):
    from pydantic import SecretStr  # noqa: PLC0415

    return SecretStr(text)


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
    async with Database(settings.database) as database:
        await seed(database, settings)
        yield database


@pytest.fixture(scope="session")
async def worker(settings: Settings, database: Database) -> AsyncIterator[None]:
    stop = asyncio.Event()
    # Not `running_worker`: its start is watched.
    task = asyncio.create_task(run_worker(settings, ["chat", "media"], stop=stop))
    yield
    stop.set()
    await task


@pytest.fixture(scope="session")
async def base_url(settings: Settings, database: Database) -> AsyncIterator[str]:
    """The API as its users reach it: a real server on loopback."""
    async with running_api(settings) as url:
        yield url


@pytest.fixture(scope="session")
async def second_api(settings: Settings, base_url: str) -> AsyncIterator[str]:
    """Another API process's stand-in: its own connections and its own caches, on the same servers."""
    async with running_api(settings) as url:
        yield f"{url}/api/v1"


@pytest.fixture(scope="session")
async def token(base_url: str) -> str:
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
        answer = await client.post("/api/v1/admin/auth/login", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


@pytest.fixture
async def client(base_url: str, token: str, worker: None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1", headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
async def admin_client(base_url: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """The superuser, with no worker behind the API."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1", headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    async with connect(settings.redis) as redis:
        yield redis


@pytest.fixture
async def me(admin_client: httpx.AsyncClient) -> dict:
    return (await admin_client.get("/admin/sys/users/me")).json()


@pytest.fixture(scope="session")
async def other_token(base_url: str, database: Database) -> str:
    """The access token of a user who may do nothing but use the agents."""
    passwords = Passwords(1)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    async with database.transaction() as session:
        session.add(User(username="other", nickname="Other", password_hash=hashed))
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
        answer = await client.post("/api/v1/admin/auth/login", json={"username": "other", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


@pytest.fixture
async def other_client(base_url: str, other_token: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {other_token}"}
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1", headers=headers, timeout=30) as client:
        yield client
