"""schemathesis over the whole OpenAPI document, as administrator, as a plain user and as nobody, on servers of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from agents_backend.contracts.queues import QUEUES
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.settings import ClaudeCodeSettings, ModelConfig, ModelSettings, SpeechSettings
from agents_backend.stack.process import free_port
from api.app import create_app
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.anthropic_oauth import FakeAnthropicOAuth
from tests.fakes.edge_server import FakeEdge
from tests.fakes.openai_server import FakeOpenAI
from workers.main import run as run_worker

# No 5xx, no undocumented status, no breach of a schema.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@dataclass(frozen=True)
class Target:
    """Where the API is, what a process needs to open a session, and the id of a user without roles."""

    url: str
    environment: dict[str, str]
    plain_user: int


@pytest.fixture(scope="module")
async def target(fake_model: FakeOpenAI, fake_edge: FakeEdge, tmp_path_factory) -> AsyncIterator[Target]:
    """Servers that may be wrecked: the fuzzer deletes and disables what it likes."""
    async with running_stack(sandboxes=True) as stack, FakeAnthropicOAuth() as anthropic:
        config = ModelConfig(name="fake", model="fake", base_url=fake_model.base_url)
        settings = settings_for(
            stack,
            models=ModelSettings(list=(config,)),
            speech=SpeechSettings(provider="edge", edge_url=fake_edge.url),
            claude_code=ClaudeCodeSettings(token_url=anthropic.token_url),
            data_dir=tmp_path_factory.mktemp("fuzzed"),
        )
        await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
        async with Database(settings.database) as database:
            await seed(database, settings)
        stop, port = asyncio.Event(), free_port()
        server = uvicorn.Server(uvicorn.Config(create_app(settings), port=port, log_config=None, ws="none"))
        worker = asyncio.create_task(run_worker(settings, QUEUES, stop=stop))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{port}"
        yield Target(url, stack.environment(), await _add_plain_user(f"{url}/api/v1"))
        server.should_exit = True
        stop.set()
        await asyncio.gather(serving, worker)


async def _add_plain_user(base_url: str) -> int:
    async with httpx.AsyncClient(base_url=base_url) as client:
        credentials = {"username": "admin", "password": PASSWORD}
        token = (await client.post("/admin/auth/login", json=credentials)).json()["access_token"]
        body, headers = {"username": "plain", "password": PASSWORD}, {"Authorization": f"Bearer {token}"}
        return (await client.post("/admin/sys/users", json=body, headers=headers)).json()["id"]


async def schemathesis(target: Target, user_id: int, seconds: int) -> tuple[int | None, str]:
    """Its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{target.url}/openapi.json", "--max-time", str(seconds)),
        *("--checks", ",".join(CHECKS), "--suppress-health-check", "all", "--generation-database", "none"),
        *("--request-timeout", "30", "--warnings", "off", "--no-shrink", "--no-color"),
        *("--generation-with-security-parameters", "false"),
        env={**os.environ, **target.environment, "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "FUZZ_USER": str(user_id)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_every_answer_to_nobody_is_as_the_document_says(target):
    code, printed = await schemathesis(target, 0, 12)
    assert code == 0, printed[-20_000:]


async def test_every_answer_to_a_plain_user_is_as_the_document_says(target):
    code, printed = await schemathesis(target, target.plain_user, 20)
    assert code == 0, printed[-20_000:]


async def test_every_answer_to_the_administrator_is_as_the_document_says(target):
    code, printed = await schemathesis(target, 1, 40)  # last: it may delete the plain user
    assert code == 0, printed[-20_000:]
