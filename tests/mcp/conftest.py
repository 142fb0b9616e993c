"""Servers of their own: the deployment's MCP servers would be offered to every other test's chats."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.db.tables.users import User
from agents_backend.services.passwords import Passwords
from agents_backend.services.seeds import seed
from agents_backend.settings import AgentSettings, ClaudeCodeSettings, ModelConfig, ModelSettings, Settings
from agents_backend.stack.stack import Stack
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.anthropic_oauth import FakeAnthropicOAuth
from tests.fakes.mcp_server import FakeMcp
from tests.fakes.openai_server import FakeOpenAI
from tests.running import running_worker
from tests.sandboxes.conftest import serving, signed_in


@pytest.fixture(scope="session")
async def mcp_stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
async def anthropic_server() -> AsyncIterator[FakeAnthropicOAuth]:
    async with FakeAnthropicOAuth() as fake:
        yield fake


@pytest.fixture
def anthropic(anthropic_server: FakeAnthropicOAuth) -> FakeAnthropicOAuth:
    anthropic_server.lifetime, anthropic_server.faults = 8 * 3600, 0
    anthropic_server.refreshed.clear()
    return anthropic_server


@pytest.fixture(scope="session")
def mcp_settings(mcp_stack: Stack, fake_model: FakeOpenAI, anthropic_server, tmp_path_factory) -> Settings:
    return settings_for(
        mcp_stack,
        encrypt_payloads=False,  # histories are searched for secrets
        api=Settings().api.model_copy(update={"trusted_proxies": ("127.0.0.1",)}),
        models=ModelSettings(list=(ModelConfig(name="fake", model="fake", base_url=fake_model.base_url),)),
        agents=AgentSettings(fetch_allow_loopback=True),
        claude_code=ClaudeCodeSettings(token_url=anthropic_server.token_url),
        data_dir=tmp_path_factory.mktemp("mcp-data"),
    )


@pytest.fixture(scope="session")
async def mcp_database(mcp_settings: Settings) -> AsyncIterator[Database]:
    await asyncio.to_thread(upgrade, mcp_settings.database.url.get_secret_value())
    async with Database(mcp_settings.database) as database:
        await seed(database, mcp_settings)
        passwords = Passwords(1)
        async with database.transaction() as session:
            hashed = await passwords.hash(PASSWORD)
            session.add_all([User(username=name, nickname=name, password_hash=hashed) for name in ("ann", "ben")])
        passwords.close()
        yield database


@pytest.fixture(scope="session")
async def mcp_url(mcp_settings: Settings, mcp_database: Database) -> AsyncIterator[str]:
    async with running_worker(mcp_settings, ["chat", "background"]), serving(mcp_settings) as url:
        yield url


@pytest.fixture
async def admin(mcp_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The superuser; what they added to the deployment goes with the test."""
    async with signed_in(mcp_url) as client:
        yield client
        for server in (await client.get("/agent/mcp/servers", params={"size": 200})).json()["items"]:
            await client.delete(f"/agent/mcp/servers/{server['name']}")


@pytest.fixture
async def ann(mcp_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(mcp_url, "ann") as client:
        yield client


@pytest.fixture
async def ben(mcp_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(mcp_url, "ben") as client:
        yield client


@pytest.fixture
async def server() -> AsyncIterator[FakeMcp]:
    async with FakeMcp() as server:
        yield server
