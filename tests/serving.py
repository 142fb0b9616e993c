"""An API and a worker with settings of a test's own, on a stack of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import uvicorn

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.seeds import seed
from agents_backend.settings import Settings
from agents_backend.stack.process import free_port
from api.app import create_app
from tests.conftest import PASSWORD
from workers.main import run as run_worker


@asynccontextmanager
async def serving(
    settings: Settings, *, worker: bool = True, queues: Sequence[str] = ("chat",), seconds: float = 60
) -> AsyncIterator[httpx.AsyncClient]:
    """A client who is signed in as the administrator, with a worker of these queues; waits `seconds` for an answer."""
    await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
    async with Database(settings.database) as database:
        await seed(database, settings)
    stop, port = asyncio.Event(), free_port()
    server = uvicorn.Server(
        # Longer than a client keeps a connection, or a request may meet the end of the one that it is sent on.
        uvicorn.Config(create_app(settings), port=port, log_config=None, ws="none", timeout_keep_alive=60)
    )
    api = asyncio.create_task(server.serve())
    work = asyncio.create_task(run_worker(settings, list(queues), stop=stop)) if worker else None
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=seconds) as client:
        answer = await client.post("/admin/auth/login", json={"username": "admin", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
    server.should_exit = True
    await api  # first: what its last requests wait for is still done
    stop.set()
    if work is not None:
        await work
