"""An API and a worker with settings of a test's own, on a stack of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.settings import Settings
from tests.conftest import PASSWORD
from tests.running import running_api, running_worker


@asynccontextmanager
async def serving(
    settings: Settings, *, worker: bool = True, queues: Sequence[str] = ("chat",), seconds: float = 60
) -> AsyncIterator[httpx.AsyncClient]:
    """A client who is signed in as the administrator, with a worker of these queues; waits `seconds` for an answer."""
    await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
    async with Database(settings.database) as database:
        await seed(database, settings)
    async with AsyncExitStack() as running:
        if worker:
            await running.enter_async_context(running_worker(settings, queues))
        url = await running.enter_async_context(running_api(settings))
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=seconds) as client:
            answer = await client.post("/admin/auth/login", json={"username": "admin", "password": PASSWORD})
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client
