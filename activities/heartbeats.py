"""What is around every activity: beats while it works, so that its worker's death is noticed in seconds and a cancel arrives at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity

from activities.failures import as_failures

EVERY_SECONDS = 1.0


@asynccontextmanager
async def working() -> AsyncIterator[None]:
    with as_failures():
        if activity.info().is_local:  # within a workflow task, which beats by itself
            yield
            return
        beats = asyncio.create_task(_beat())
        try:
            yield
        finally:
            beats.cancel()
            with suppress(asyncio.CancelledError):
                await beats


async def _beat() -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        activity.heartbeat()
