"""The MCP servers of sandboxes: what they offer, asked once each, and their tools' calls, carried out once each."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any, Final

import structlog

from agents_backend.agents import sandbox_tools as offered
from agents_backend.agents.tools import Tool
from agents_backend.contracts import activities as names
from agents_backend.contracts.sandboxes import Lease
from agents_backend.db.base import now
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import AgentsError, SandboxUnavailable
from agents_backend.integrations.box_mcp import BoxAnswer, BoxMcp, BoxTool
from agents_backend.integrations.sandboxes import MCP_PORT, Boxes
from agents_backend.services.sandbox_access import SandboxAccess, ref_of
from agents_backend.services.sandbox_entities import SandboxEntities

LIST_SECONDS: Final = 10.0
# One call, at most: the longest command of `shell_run` with the time that it takes to be stopped.
CALL_SECONDS: Final = 215.0
SHORT_SECONDS: Final = 20.0  # one that others wait for
# While a call is carried out its sandbox is not to be paused.
LEASE_SECONDS: Final = 600
_PATIENCE: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_KEPT: Final = 1_000
# Given E2B's id of a box and how long E2B should keep it running.
During = Callable[[str, int], AbstractAsyncContextManager[None]]
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_DESCRIBED = 4_000
_log = structlog.get_logger(__name__)


class SandboxServers:
    def __init__(self, *, boxes: Boxes, access: SandboxAccess, entities: SandboxEntities, mcp: BoxMcp) -> None:
        self._boxes, self._access, self._entities, self._mcp = boxes, access, entities, mcp
        self._asked: OrderedDict[str, tuple[Tool, ...]] = OrderedDict()
        self._of_templates: dict[str, tuple[Tool, ...]] = {}

    def expected(self, template: str) -> Sequence[Tool]:
        """What a sandbox of this template offers, before there is one: as the last one did, or as our own server does."""
        return self._of_templates.get(template) or offered.tools_of_the_box()

    async def tools(self, row: Sandbox) -> Sequence[Tool]:
        """What a running sandbox offers; one that does not answer is taken to offer what others of its template do."""
        box_id = str(row.e2b_id)
        if box_id not in self._asked:
            try:
                found = await self._access.use(row, self._list)
            except AgentsError as error:
                _log.warning("sandbox_tools_not_listed", sandbox_id=row.id, code=error.code)
                return self.expected(row.template_id)
            self._asked[box_id] = self._of_templates[row.template_id] = _fit(found)
            while len(self._asked) > _KEPT:
                self._asked.popitem(last=False)
        return self._asked[box_id]

    async def _list(self, box_id: str, seconds: int) -> list[BoxTool]:
        server = await self._boxes.endpoint(box_id, MCP_PORT, seconds=seconds)
        return await self._mcp.tools(server, seconds=LIST_SECONDS)

    async def call(
        self,
        sandbox_id: str,
        user_id: int,
        name: str,
        arguments: Mapping[str, Any],
        *,
        call_id: str,
        reader: str,
        during: During | None = None,
    ) -> BoxAnswer:
        """Call a tool of a sandbox, which is resumed if it is paused. A call that its caller lost is asked for again by its id, and so made once.

        Each try of a call that is made `during` something has 20 s and holds that only while it lasts: a box is never healed in it.

        Raises:
            SandboxGone: it has ended. Invalid: the server refuses the request. Unavailable: E2B, the sandbox or Temporal fails.
        """
        row = await self._leased(sandbox_id, user_id)
        given = dict(arguments)
        if name == offered.RUN:
            given["session"] = given.get("session") or session_of(call_id)

        async def use(box_id: str, seconds: int) -> BoxAnswer:
            server = await self._boxes.endpoint(box_id, MCP_PORT, seconds=seconds)
            limit = CALL_SECONDS if during is None else SHORT_SECONDS
            async with during(box_id, seconds) if during else nullcontext():
                return await self._mcp.call(server, name, given, call_id=call_id, seconds=limit, reader=reader)

        for pause in _PATIENCE:
            try:
                return await self._access.use(row, use)
            except SandboxUnavailable:  # the connection broke, or the host is away for a moment
                await asyncio.sleep(pause)
                row = await self._leased(sandbox_id, user_id)
        return await self._access.use(row, use)

    async def stop(self, sandbox_id: str, user_id: int, *, call_id: str) -> None:
        """Stop the command of a `shell_run` that nobody wants any more."""
        try:
            row = await self._access.running(sandbox_id, user_id)
            server = await self._boxes.endpoint(str(row.e2b_id), MCP_PORT, seconds=LEASE_SECONDS)
            given = {"session": session_of(call_id)}
            await self._mcp.call(server, "shell_stop", given, call_id=f"{call_id}-stop", seconds=SHORT_SECONDS)
        except AgentsError as error:
            _log.warning("sandbox_command_not_stopped", sandbox_id=sandbox_id, code=error.code)

    async def _leased(self, sandbox_id: str, user_id: int) -> Sandbox:
        row = await self._access.running(sandbox_id, user_id)
        if row.expires_at is not None and row.expires_at < now() + timedelta(seconds=CALL_SECONDS):
            await self._entities.ask(
                row, names.SANDBOX_EXTEND_UPDATE, Lease(sandbox=ref_of(row), seconds=LEASE_SECONDS)
            )
        return row


def session_of(call_id: str) -> str:
    """The shell session of a `shell_run`, by which it is stopped and its whole output seen."""
    return f"call-{hashlib.sha256(call_id.encode()).hexdigest()[:16]}"


def _fit(found: Sequence[BoxTool]) -> tuple[Tool, ...]:
    """What models can be offered. The server is the sandbox's, and so the agent's: what it says is bounded."""
    return tuple(
        Tool(tool.name, tool.description[:_MOST_DESCRIBED], tool.parameters, repeatable=tool.once)
        for tool in found
        if _NAME.fullmatch(tool.name)
    )
