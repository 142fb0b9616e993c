"""An API and a worker in this process, for as long as somebody needs them. Where both are wanted, enter the worker first: the API then
ends before it, and what its last requests wait for is still done."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn

from agents_backend.settings import Settings
from agents_backend.stack.process import free_port
from api.app import create_app
from workers.main import run

# Longer than a client keeps a connection, or a request may meet the end of the one that it is sent on.
_KEPT_SECONDS = 60


@asynccontextmanager
async def running_api(settings: Settings, *, port: int | None = None) -> AsyncIterator[str]:
    """The API as its users reach it, a real server on loopback; its address."""
    port = port or free_port()
    config = uvicorn.Config(
        create_app(settings),
        host="127.0.0.1",
        port=port,
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_keep_alive=_KEPT_SECONDS,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def running_worker(settings: Settings, queues: Sequence[str]) -> AsyncIterator[None]:
    stop = asyncio.Event()

    async def work() -> None:  # a start holds the loop and makes nobody wait: the watchdog passes over the tests' own
        await run(settings, queues, stop=stop)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        stop.set()
        await task
