"""The product and its yardstick as processes of their own, on loopback, for as long as a measurement lasts."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from agents_backend.settings import Settings, StackSettings
from agents_backend.stack.process import accepts, free_port
from agents_backend.stack.stack import Stack

PASSWORD = "a-password-for-benchmarks"
READY_SECONDS = 120


@dataclass
class Deployment:
    """Addresses and processes.

    Attributes:
        api, bare: base URLs.
        token: an administrator's access token.
        processes: by name; memory and CPU are read from them.
        start: starts one of them again, by its name.
        e2b: the SDK's own options for the embedded sandbox host, if there is one.
    """

    api: str
    bare: str
    token: str
    processes: dict[str, psutil.Process]
    start: Callable[[str], None]
    redis_url: str
    e2b: dict[str, str]

    def memory(self, name: str) -> float:
        """Resident megabytes."""
        return self.processes[name].memory_info().rss / 2**20

    def cpu(self, name: str) -> float:
        """CPU seconds so far."""
        times = self.processes[name].cpu_times()
        return times.user + times.system

    def kill(self, name: str) -> None:
        self.processes[name].kill()


@asynccontextmanager
async def deployment(*, sandboxes: bool = False) -> AsyncIterator[Deployment]:
    """One API process, one worker process, the fake model and the bare app; the sandbox host if it is wanted."""
    folder = Path(tempfile.mkdtemp(prefix="agents-backend-bench-"))
    folder.chmod(0o711)
    started: list[subprocess.Popen[bytes]] = []
    try:
        settings = Settings(stack=StackSettings(temporal_port=free_port()))
        async with Stack(settings, folder, ui=False, sandboxes=sandboxes) as stack:
            yield await _start(stack, started)
            _stop(started)
    finally:
        _stop(started)
        shutil.rmtree(folder, ignore_errors=True)


async def _start(stack: Stack, started: list[subprocess.Popen[bytes]]) -> Deployment:
    api, bare, model = free_port(), free_port(), free_port()
    model_url = f"http://127.0.0.1:{model}/v1"
    more = {
        "MODEL_LIST": json.dumps([{"name": "fake", "model": "fake", "base_url": model_url}]),
        "API_PORT": str(api),
        "ADMIN_PASSWORD": PASSWORD,
        "LOG_LEVEL": "WARNING",
        "API_RUNS_PER_USER": "5000",
        "API_STREAMS_PER_USER": "5000",
        "SANDBOX_PER_USER": "100",
    }
    environment = {**os.environ, **stack.environment(), **more}
    command = [sys.executable, "-m", "agents_backend.cli"]
    await asyncio.to_thread(
        subprocess.run, [*command, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    commands = {
        "model": [sys.executable, "-m", "tests.fakes.openai_server", "--port", str(model)],
        "bare": [sys.executable, "-m", "bench.bare_app", "--port", str(bare), "--model-url", model_url],
        "worker": [*command, "worker"],
        "worker-2": [*command, "worker"],
        "api": [*command, "api"],
    }
    processes: dict[str, psutil.Process] = {}

    def start(name: str) -> None:
        processes[name] = _spawn(commands[name], environment, started)

    for name in commands:
        start(name)
    host = stack.sandbox_host.environment() if stack.sandbox_host else {}
    names = {"E2B_API_KEY": "api_key", "E2B_API_URL": "api_url", "E2B_SANDBOX_URL": "sandbox_url"}
    found = Deployment(
        f"http://127.0.0.1:{api}",
        f"http://127.0.0.1:{bare}",
        "",
        processes,
        start,
        stack.environment()["REDIS_URL"],
        {name: host[variable] for variable, name in names.items() if variable in host},
    )
    await _ready(found, bare, model)
    return found


def _spawn(
    command: list[str], environment: Mapping[str, str], started: list[subprocess.Popen[bytes]]
) -> psutil.Process:
    child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    started.append(child)
    return psutil.Process(child.pid)


async def _ready(found: Deployment, *ports: int) -> None:
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(base_url=found.api, timeout=10) as client:
        while not all([await accepts(port) for port in ports]):
            await asyncio.sleep(0.2)
        while True:
            try:
                if (await client.get("/health")).is_success:
                    break
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
        answer = await client.post("/api/v1/admin/auth/login", json={"username": "admin", "password": PASSWORD})
        found.token = answer.json()["access_token"]


def _stop(started: list[subprocess.Popen[bytes]]) -> None:
    for child in started:
        child.terminate()
    for child in started:
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
    started.clear()
