"""An API with servers of its own that may be wrecked, and schemathesis let loose on it as one of three people."""

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from agents_backend.contracts.queues import QUEUES
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.settings import ClaudeCodeSettings, ModelConfig, ModelSettings, SpeechSettings
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.anthropic_oauth import FakeAnthropicOAuth
from tests.fakes.edge_server import FakeEdge
from tests.fakes.openai_server import FakeOpenAI
from tests.running import running_api, running_worker
from tests.sandboxes.conftest import signed_in
from tests.schedulers import never

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
    """Where the API is, what a process needs to open a session, and the ids of who may attack it; 0 is nobody."""

    url: str
    environment: dict[str, str]
    people: dict[str, int]


@dataclass(frozen=True)
class Attack:
    """Its exit code, what it printed, and by phase how often it asked each operation (`GET /health`)."""

    code: int | None
    printed: str
    asked: dict[str, Counter[str]]


@asynccontextmanager
async def wreckable(data_dir: Path) -> AsyncIterator[Target]:
    """The fuzzer deletes and disables what it likes."""
    async with (
        running_stack(sandboxes=True) as stack,
        FakeOpenAI() as model,
        FakeEdge() as edge,
        FakeAnthropicOAuth() as anthropic,
    ):
        settings = settings_for(
            stack,
            models=ModelSettings(list=(ModelConfig(name="fake", model="fake", base_url=model.base_url),)),
            speech=SpeechSettings(provider="edge", edge_url=edge.url),
            claude_code=ClaudeCodeSettings(token_url=anthropic.token_url),
            data_dir=data_dir,
        )
        await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
        async with Database(settings.database) as database:
            await seed(database, settings)
        async with running_worker(settings, QUEUES), running_api(settings) as url:
            yield Target(url, stack.environment(), await _people(f"{url}/api/v1"))


async def _people(base_url: str) -> dict[str, int]:
    async with signed_in(base_url) as admin:
        plain = (await admin.post("/admin/sys/users", json={"username": "plain", "password": PASSWORD})).json()["id"]
        async with signed_in(base_url, "plain") as user:
            await asyncio.gather(_furnish(admin), _furnish(user))
    return {"nobody": 0, "plain": plain, "admin": 1}


async def _furnish(client: httpx.AsyncClient) -> None:
    """Give somebody one of each thing: empty lists lead the fuzzer to no ids."""
    later = {"Prefer": "respond-async"}
    made = await asyncio.gather(
        client.post("/agent/chat/stream", json={"messages": [{"role": "user", "content": "[say=x]"}]}),
        client.post("/task/schedulers", json=never()),
        client.post("/agent/files/upload", files={"file": ("a.txt", b"a")}),
        client.post("/agent/rag/resources", json={"title": "A", "text": "A text."}, headers=later),
        client.post("/agent/tts/synthesize", json={"text": "A."}, headers=later),
        client.post("/agent/sandboxes", json={}),
    )
    for answer in made:
        assert answer.is_success, (answer.request.url, answer.text)


async def attack(target: Target, person: str, seed: int, *more: str) -> Attack:
    """Let schemathesis loose. `more` are options of its own, `--phases` among them."""
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as report:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{target.url}/openapi.json"),
            *("--seed", str(seed), "--generation-database", "none"),
            *("--checks", ",".join(CHECKS), "--suppress-health-check", "all", "--continue-on-failure"),
            *("--request-timeout", "30", "--warnings", "off", "--no-shrink", "--no-color"),
            *("--generation-with-security-parameters", "false", "--report-ndjson-path", report.name, *more),
            env={
                **os.environ,
                **target.environment,
                "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
                "FUZZ_USER": str(target.people[person]),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        asked = _asked(Path(report.name))
    return Attack(process.returncode, printed.decode(), asked)


async def operations(target: Target) -> dict[str, str]:
    """The document's operations (`GET /health`), and their ids."""
    async with httpx.AsyncClient() as client:
        paths = (await client.get(f"{target.url}/openapi.json")).json()["paths"]
    return {
        f"{method.upper()} {path}": operation["operationId"]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def _asked(report: Path) -> dict[str, Counter[str]]:
    asked: dict[str, Counter[str]] = {}
    for line in report.read_text().splitlines():
        ((event, told),) = json.loads(line).items()
        if event == "ScenarioFinished":
            made, of_phase = told["recorder"], asked.setdefault(told["phase"], Counter())
            cases = (made["cases"][sent]["value"] for sent in made.get("interactions", ()))
            of_phase.update(f"{case['method']} {case['path']}" for case in cases)
    return asked
