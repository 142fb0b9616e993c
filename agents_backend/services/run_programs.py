"""The programs of MCP servers that a run's own body names: they run in its sandbox, as its commands do."""

import shlex
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.mcp import McpServer
from agents_backend.domain.errors import RunClosed, SandboxFull, SandboxGone, SandboxUnavailable, UpstreamFailed
from agents_backend.domain.mcp import ServerConfig
from agents_backend.integrations.sandboxes import Boxes, RunningProgram
from agents_backend.services.agent_sandboxes import AgentSandboxes
from agents_backend.services.launches import ref_of
from agents_backend.services.sandbox_access import SandboxAccess
from agents_backend.services.sandbox_lives import box_of, lease_of


class RunPrograms:
    def __init__(self, *, database: Database, places: AgentSandboxes, access: SandboxAccess, boxes: Boxes) -> None:
        self._database, self._places, self._access, self._boxes = database, places, access, boxes

    @asynccontextmanager
    async def start(
        self, server: McpServer, config: ServerConfig, take: Callable[[str], None]
    ) -> AsyncIterator[RunningProgram]:
        """The program for as long as the block; the run's sandbox is made, or resumed, when it is first needed.

        Raises:
            RunClosed: the run is gone. TooMany: its user has as many sandboxes as are allowed. UpstreamFailed: E2B fails.
        """
        async with self._database.autocommit() as session:
            run = await RunRepository(session).run(server.run_id or uuid.UUID(int=0))
        if run is None:
            raise RunClosed
        command = shlex.join([config.command or "", *config.args])
        try:
            place = await self._places.of(ref_of(run), run.options)
            row = await self._access.running(place.sandbox_id, run.user_id)
            left = lease_of(row.expires_at)
            async with self._boxes.program(box_of(row), command, env=config.env, take=take, seconds=left) as program:
                yield program
        except (SandboxUnavailable, SandboxFull, SandboxGone) as failure:
            raise UpstreamFailed(failure.detail, code=failure.code) from failure
