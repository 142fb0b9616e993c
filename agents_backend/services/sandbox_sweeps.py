"""Compares E2B, Temporal and PostgreSQL, so that no sandbox is paid for that nobody has, and none is shown that is not there."""

from collections.abc import AsyncIterator
from datetime import timedelta

import structlog

from agents_backend.contracts import activities as names
from agents_backend.contracts.sandboxes import CommandFailure, CommandRef, SandboxesSwept
from agents_backend.db.base import Database, now
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import AgentsError, CommandLost
from agents_backend.domain.sandboxes import SandboxStatus, command_workflow_id, sandbox_workflow_id
from agents_backend.integrations.sandboxes import Box, Boxes
from agents_backend.services.sandbox_commands import SandboxCommands
from agents_backend.services.sandbox_entities import SandboxEntities

# What has changed within it is left to those who are changing it.
GRACE = timedelta(seconds=30)
PAGE = 500
_log = structlog.get_logger(__name__)


class SandboxSweeps:
    def __init__(
        self, *, database: Database, boxes: Boxes, entities: SandboxEntities, commands: SandboxCommands
    ) -> None:
        self._database, self._boxes, self._entities, self._commands = database, boxes, entities, commands

    async def sweep(self) -> SandboxesSwept:
        """One round; every step may be repeated without harm. One sandbox that fails does not keep the others.

        Raises:
            Unavailable: PostgreSQL or E2B is away.
        """
        if not self._boxes.are_configured:
            return SandboxesSwept()
        boxes = await self._boxes.all()
        strays = await self._remove_strays(boxes)
        departed = await self._remove_departed()
        checked = revived = 0
        known = {box.id: box for box in boxes}
        async for row in self._living():
            try:
                revived += await self._revive(row)
                checked += await self._compare(row, known)
            except AgentsError as error:
                _log.warning("sandbox_not_swept", sandbox_id=row.id, code=error.code)
        ended = await self._end_lost_commands()
        swept = SandboxesSwept(strays=strays, checked=checked, revived=revived, ended_commands=ended, departed=departed)
        if any(swept.model_dump().values()):
            _log.warning("sandboxes_swept", **swept.model_dump())
        return swept

    async def _remove_strays(self, boxes: list[Box]) -> int:
        """Remove boxes whose row has ended or names another box. One without a row is another deployment's, and is let be."""
        async with self._database.transaction() as session:
            rows = await SandboxRepository(session).named({box.owner for box in boxes})
        removed = 0
        for box in boxes:
            row = rows.get(box.owner)
            if row is not None and now() - row.updated_at > GRACE and _is_stray(box, row):
                await self._boxes.kill(box.id)
                removed += 1
        return removed

    async def _remove_departed(self) -> int:
        async with self._database.transaction() as session:
            rows = await SandboxRepository(session).of_departed(limit=PAGE)
        removed = 0
        for row in rows:
            try:
                await self._entities.ask(row, names.SANDBOX_DELETE_UPDATE)
                removed += 1
            except AgentsError as error:  # the next round finds it again
                _log.warning("sandbox_not_swept", sandbox_id=row.id, code=error.code)
        return removed

    async def _living(self) -> AsyncIterator[Sandbox]:
        after = ""
        while True:
            async with self._database.transaction() as session:
                page = await SandboxRepository(session).living(before=now() - GRACE, after_id=after, limit=PAGE)
            for row in page:
                yield row
            if len(page) < PAGE:
                return
            after = page[-1].id

    async def _revive(self, row: Sandbox) -> bool:
        if await self._entities.is_open(sandbox_workflow_id(row.id)) is not False:
            return False
        await self._entities.start(row)
        return True

    async def _compare(self, row: Sandbox, known: dict[str, Box]) -> bool:
        box = known.get(row.e2b_id) if row.e2b_id else None
        if row.e2b_id is None or (box is not None and box.state == row.status):
            return False
        await self._entities.ask(row, names.SANDBOX_CHECK_UPDATE)
        return True

    async def _end_lost_commands(self) -> int:
        async with self._database.transaction() as session:
            commands = await SandboxRepository(session).running_commands(now() - GRACE, limit=PAGE)
        ended = 0
        for row in commands:
            if await self._entities.is_open(command_workflow_id(row.id)) is False:
                ref = CommandRef(command_id=row.id, sandbox_id=row.sandbox_id, user_id=row.user_id)
                detail = "What followed the command is gone; how far it came is not known."
                await self._commands.fail(CommandFailure(command=ref, code=CommandLost.code, detail=detail))
                ended += 1
        return ended


def _is_stray(box: Box, row: Sandbox) -> bool:
    if SandboxStatus(row.status).is_final:
        return True
    return row.e2b_id is not None and row.e2b_id != box.id
