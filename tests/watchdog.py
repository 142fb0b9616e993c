"""Watches the event loop that the API and the worker share with the tests: nothing of the product may hold it for long."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 0.1
_ORIGINAL = asyncio.Handle._run
# Tests, a server's start, which makes nobody wait, and the SDK's own workflow loop: what is left are handlers and activities.
_OTHERS = (
    "/tests/",
    "/pytest_asyncio/",
    "/_pytest/",
    "/pluggy/",
    "/uvicorn/lifespan/",
    "/migrations/",
    "/temporalio/worker/_workflow.py",
)


@contextmanager
def watching() -> Iterator[list[str]]:
    """What held the loop for more than 100 ms of its thread's own CPU time; the machine's other load does not count."""
    found: list[str] = []
    run = _ORIGINAL
    before = asyncio.Handle._run
    pauses, loop_thread = list[float](), threading.get_ident()

    def collected(phase: str, _: dict[str, int]) -> None:
        # A test process holds every library there is: its collections take a quarter of a second, and are not a handler's.
        if threading.get_ident() == loop_thread:
            pauses.append(-time.thread_time() if phase == "start" else time.thread_time())

    def timed(handle: asyncio.Handle) -> None:
        pauses.clear()
        frame = _frame_of(handle)  # before it runs: a coroutine that ends has no frame left
        began = time.thread_time()
        run(handle)
        taken = time.thread_time() - began - sum(pauses)
        if taken > LIMIT_SECONDS and (name := _whose(handle, frame)):
            found.append(f"{name} held the event loop for {taken * 1000:.0f} ms")

    asyncio.Handle._run = timed
    gc.callbacks.append(collected)
    try:
        yield found
    finally:
        asyncio.Handle._run = before
        gc.callbacks.remove(collected)


def _frame_of(handle: asyncio.Handle) -> Any:
    task = getattr(handle._callback, "__self__", None)
    return getattr(task.get_coro(), "cr_frame", None) if isinstance(task, asyncio.Task) else None


def _whose(handle: asyncio.Handle, frame: Any) -> str | None:
    """The coroutine or callback that ran, None for one of the tests' own."""
    code = frame.f_code if frame is not None else getattr(handle._callback, "__code__", None)
    if code is None or any(part in Path(code.co_filename).as_posix() for part in _OTHERS):
        return None
    cycle = frame.f_locals.get("self") if frame is not None else None
    path = (getattr(cycle, "scope", None) or {}).get("path", "")
    return f"{code.co_qualname} {path} ({code.co_filename})"
