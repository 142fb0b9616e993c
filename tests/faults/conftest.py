"""A deployment of its own: servers, one worker process and two API processes, each of which a test may kill."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.settings import Settings
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.processes import Process, until_ready


class Deployment:
    """The product as it is deployed.

    Attributes:
        stack: PostgreSQL, Redis and Temporal.
        worker: the process of all queues.
        apis: two API processes, and the addresses at which they answer.
    """

    def __init__(self, stack: Stack, fake_model: FakeOpenAI) -> None:
        models = [{"name": "fake", "model": "fake", "base_url": fake_model.base_url}]
        environment = {**stack.environment(), "MODEL_LIST": json.dumps(models), "ENVIRONMENT": "test"}
        environment["TEMPORAL_ENCRYPT_PAYLOADS"] = "true"
        ports = [free_port(), free_port()]
        self.stack = stack
        self.settings: Settings = settings_for(stack)
        self.worker = Process("worker", environment=environment)
        self.apis = [Process("api", environment={**environment, "API_PORT": str(port)}) for port in ports]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.token = ""

    async def start(self) -> None:
        await asyncio.to_thread(upgrade, self.stack.environment()["DATABASE_URL"])
        async with Database(self.settings.database) as database:
            await seed(database, self.settings)
        for process in (self.worker, *self.apis):
            process.start()
        await asyncio.gather(*map(until_ready, self.urls))
        async with self.client(0) as client:
            answer = await client.post("/admin/auth/login", json={"username": "admin", "password": PASSWORD})
            self.token = answer.json()["access_token"]

    def kill_processes(self) -> None:
        for process in (self.worker, *self.apis):
            process.kill()

    def client(self, number: int) -> httpx.AsyncClient:
        """A client of one of the API processes."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.AsyncClient(base_url=f"{self.urls[number]}/api/v1", headers=headers, timeout=60)

    async def restart_everything(self) -> None:
        """kill -9 of every process there is, and a start from what they left on disk."""
        self.kill_processes()
        for server in self.stack.servers:
            server.kill()
        for server in self.stack.servers:
            await server.start()
        for process in (self.worker, *self.apis):
            process.start()
        await asyncio.gather(*map(until_ready, self.urls))


@pytest.fixture(scope="module")
def temporal_config() -> tuple[str, ...]:
    """Dynamic configuration that a module wants for its Temporal."""
    return ()


@pytest.fixture(scope="module")
async def deployment(fake_model: FakeOpenAI, temporal_config: tuple[str, ...]) -> AsyncIterator[Deployment]:
    async with running_stack(temporal_config) as stack:
        made = Deployment(stack, fake_model)
        try:
            await made.start()
            yield made
        finally:
            made.kill_processes()
