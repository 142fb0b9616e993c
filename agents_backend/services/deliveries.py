"""A run's file for the request that waits for it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from agents_backend.contracts import events
from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import RunClosed, error_of
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.hub import Hub, SlowReader, Subscription
from agents_backend.services.artifacts import Artifacts, OpenArtifact
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.runs import find

LOOK_SECONDS = 2.0
SILENCE_SECONDS = 10.0


class CallerGone(Exception):
    """Nobody waits any more; the run goes on."""


class Deliveries:
    def __init__(self, *, database: Database, hub: Hub, lost: LostRuns, artifacts: Artifacts) -> None:
        self._database, self._hub, self._lost, self._artifacts = database, hub, lost, artifacts

    async def wait(self, run: Run, *, is_gone: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the run has succeeded.

        Raises:
            AgentsError: what the run failed with. RunClosed: it was cancelled. CallerGone: as `is_gone` says, asked every 2 s.
        """
        async with self._hub.watch(str(run.id)) as subscription:
            silent_since = time.monotonic()
            while not RunStatus((run := await self._look(run)).status).is_final:
                if await is_gone():
                    raise CallerGone
                if await _heard(subscription):
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS:
                    await self._lost.end_if_lost(run)
                    silent_since = time.monotonic()
        if run.status == RunStatus.CANCELLED:
            raise RunClosed("The run was cancelled.")
        if run.status == RunStatus.FAILED:
            failure = run.error or {}
            raise error_of(failure.get("code") or "INTERNAL_ERROR", failure.get("detail") or "The run failed.")

    async def _look(self, run: Run) -> Run:
        """PostgreSQL says what is true; the events only say when to ask it."""
        async with self._database.transaction() as session:
            return (await find(RunRepository(session), run.id, run.user_id)).run

    async def open(self, run_id: uuid.UUID) -> OpenArtifact:
        """The run's main file.

        Raises:
            NotFound: it is gone. Unavailable: the storage does not answer.
        """
        return await self._artifacts.open(await self._artifacts.main_of(run_id))

    async def read(self, run_id: uuid.UUID) -> tuple[str, dict[str, Any]]:
        """The run's text, and how it was made.

        Raises:
            NotFound: it is gone. Unavailable: the storage does not answer.
        """
        artifact = await self._artifacts.main_of(run_id)
        return (await self._artifacts.read(artifact)).decode(), artifact.details


async def _heard(subscription: Subscription) -> bool:
    """Whether anything was told within 2 s; returns at once when it was the run's end."""
    heard, until = False, time.monotonic() + LOOK_SECONDS
    while (left := until - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                event = await subscription.get()
        except TimeoutError:
            break
        except SlowReader:
            return True
        heard = True
        if event is None or events.is_end(event.data):
            break
    return heard
