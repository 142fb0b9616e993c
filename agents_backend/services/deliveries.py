"""A run's file for the request that waits for it."""

import uuid
from collections.abc import Awaitable, Callable

from agents_backend.domain.errors import RunClosed, error_of
from agents_backend.domain.runs import RunStatus
from agents_backend.services.artifacts import Artifacts, OpenArtifact
from agents_backend.services.runs import RunsService, StartedRun
from agents_backend.services.streams import Streams


class CallerGone(Exception):
    """Nobody waits any more; the run goes on."""


class Deliveries:
    def __init__(self, *, runs: RunsService, streams: Streams, artifacts: Artifacts) -> None:
        self._runs, self._streams, self._artifacts = runs, streams, artifacts

    async def wait(self, started: StartedRun, *, is_gone: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the run has succeeded.

        Raises:
            AgentsError: what the run failed with. RunClosed: it was cancelled. CallerGone: as `is_gone` says, asked every 10 s.
        """
        run = started.run
        while not RunStatus(run.status).is_final:
            async for event in self._streams.follow(run):
                if event is None and await is_gone():
                    raise CallerGone
            run = (await self._runs.get(run.id, run.user_id)).run
        if run.status == RunStatus.CANCELLED:
            raise RunClosed("The run was cancelled.")
        if run.status == RunStatus.FAILED:
            failure = run.error or {}
            raise error_of(failure.get("code") or "INTERNAL_ERROR", failure.get("detail") or "The run failed.")

    async def open(self, run_id: uuid.UUID) -> OpenArtifact:
        """The run's main file.

        Raises:
            NotFound: it is gone. Unavailable: the storage does not answer.
        """
        return await self._artifacts.open(await self._artifacts.main_of(run_id))

    async def read(self, run_id: uuid.UUID) -> str:
        """The run's text."""
        return (await self._artifacts.read(await self._artifacts.main_of(run_id))).decode()
