"""Finding a user's sandbox, and reaching the box behind it wherever it stands: being made, paused, or gone underneath."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from agents_backend.contracts import activities as names
from agents_backend.contracts.sandboxes import Lease, SandboxRef
from agents_backend.db.base import Database
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import NotFound, SandboxGone
from agents_backend.domain.sandboxes import SandboxStatus
from agents_backend.services.sandbox_entities import SandboxEntities, failure_of
from agents_backend.services.sandbox_lives import box_of, lease_of

Result = TypeVar("Result")
# Given E2B's id of a box and how long E2B should keep it running.
Use = Callable[[str, int], Awaitable[Result]]


class SandboxAccess:
    def __init__(self, *, database: Database, entities: SandboxEntities) -> None:
        self._database, self._entities = database, entities

    async def find(self, sandbox_id: str, user_id: int) -> Sandbox:
        """One's own sandbox, the ended ones too but for those that one has deleted.

        Raises:
            NotFound: none, or somebody else's.
        """
        async with self._database.autocommit() as session:
            return await find(SandboxRepository(session), sandbox_id, user_id)

    async def running(self, sandbox_id: str, user_id: int) -> Sandbox:
        """One's own sandbox, running: made if it is still being made, resumed if it is paused.

        Raises:
            NotFound: none, or somebody else's. SandboxGone: it has ended. Unavailable: E2B or Temporal is away.
        """
        row = await self.find(sandbox_id, user_id)
        if row.status == SandboxStatus.CREATING:
            await self._entities.ask(row, names.SANDBOX_READY_UPDATE)
            row = await self.find(sandbox_id, user_id)
        if row.status == SandboxStatus.PAUSED:
            await self._entities.ask(row, names.SANDBOX_RESUME_UPDATE, Lease(sandbox=ref_of(row)))
            row = await self.find(sandbox_id, user_id)
        raise_if_ended(row)
        return row

    async def use(self, row: Sandbox, use: Use[Result]) -> Result:
        """Do something with a running sandbox's box; where E2B has paused it underneath, it is resumed first.

        Raises:
            SandboxGone: it died underneath; its row says so from now on.
        """
        try:
            return await use(box_of(row), lease_of(row.expires_at))
        except SandboxGone:
            state = await self._entities.ask(row, names.SANDBOX_CHECK_UPDATE)
        if state.status.is_final:
            raise SandboxGone(state.reason or None)
        state = await self._entities.ask(row, names.SANDBOX_RESUME_UPDATE, Lease(sandbox=ref_of(row)))
        return await use(box_of(row), lease_of(state.expires_at))


async def find(rows: SandboxRepository, sandbox_id: str, user_id: int) -> Sandbox:
    """One's own sandbox.

    Raises:
        NotFound: none, somebody else's, or deleted.
    """
    row = await rows.sandbox(sandbox_id, user_id=user_id) if "\x00" not in sandbox_id else None
    if row is None or row.status == SandboxStatus.DELETED:
        raise NotFound("There is no such sandbox.", code="SANDBOX_NOT_FOUND")
    return row


async def find_named(rows: SandboxRepository, name: str, user_id: int) -> Sandbox:
    """One's own living sandbox, by the session's name that it was made with or by its id.

    Raises:
        NotFound: none, somebody else's, or deleted. SandboxGone: it has ended.
    """
    row = await rows.by_session(user_id, name) or await find(rows, name, user_id)
    raise_if_ended(row)
    return row


def raise_if_ended(row: Sandbox) -> None:
    """The error of a sandbox that has ended: why it could not be made, or why it is gone."""
    if row.status == SandboxStatus.FAILED and row.error_code:
        raise failure_of(row.error_code, row.reason)
    if SandboxStatus(row.status).is_final:
        raise SandboxGone(row.reason or None)


def ref_of(row: Sandbox) -> SandboxRef:
    return SandboxRef(sandbox_id=row.id, user_id=row.user_id)
