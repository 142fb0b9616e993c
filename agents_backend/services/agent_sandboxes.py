"""Which sandbox a run works in: the one that its request named, or its thread's own, made when a tool first needs it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents_backend.contracts import events
from agents_backend.contracts.turns import RunRef
from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.runs import Run
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import RunClosed
from agents_backend.integrations.events import EventLog
from agents_backend.services.sandbox_attachments import SandboxAttachments
from agents_backend.services.sandboxes import NewSandbox, Sandboxes
from agents_backend.services.step_writer import StepWriter

CHOSEN = "sandbox_id"  # the option of a run whose request named a sandbox


@dataclass(frozen=True)
class Workplace:
    """Where a call works.

    Attributes:
        is_own: whether it is the thread's own, of which another is made when it has ended.
        notice: what the model must be told before the result: an earlier one is gone, with all that was in it; a file is not there.
    """

    sandbox_id: str
    is_own: bool
    notice: str = ""


class AgentSandboxes:
    def __init__(
        self, *, database: Database, sandboxes: Sandboxes, attachments: SandboxAttachments, log: EventLog
    ) -> None:
        self._database, self._sandboxes, self._attachments, self._log = database, sandboxes, attachments, log

    async def found(self, run: Run) -> Sandbox | None:
        """The run's sandbox if it is there already."""
        async with self._database.transaction() as session:
            rows = SandboxRepository(session)
            chosen = run.options.get(CHOSEN)
            if chosen is not None:
                return await rows.sandbox(chosen, user_id=run.user_id)
            return await rows.by_session(run.user_id, session_of(str(run.thread_id)))

    async def of(self, ref: RunRef, options: Mapping[str, Any]) -> Workplace:
        """The run's sandbox, with what its thread's user attached in it. Whoever asks at once, or again after a crash, is given the same one.

        Raises:
            TooMany: the user has as many as are allowed. RunClosed: the run is gone. Unavailable: E2B, Temporal or the storage fails.
        """
        place = await self._place(ref, options)
        missing = await self._attachments.bring(ref, place.sandbox_id)
        return replace(place, notice=place.notice + missing)

    async def _place(self, ref: RunRef, options: Mapping[str, Any]) -> Workplace:
        if options.get(CHOSEN) is not None:
            return Workplace(options[CHOSEN], is_own=False)
        session_id = session_of(ref.thread_id)
        async with self._database.transaction() as session:
            run = await RunRepository(session).run(uuid.UUID(ref.run_id))
            found = await SandboxRepository(session).by_session(ref.user_id, session_id)
        if run is None:
            raise RunClosed
        loss = ""
        if found is None:
            made = await self._sandboxes.create(NewSandbox(user_id=ref.user_id, session_id=session_id))
            found, loss = made.sandbox, await self._loss(ref, session_id) if made.is_new else ""
        await self._tell(run, found)
        return Workplace(found.id, is_own=True, notice=loss)

    async def _loss(self, ref: RunRef, session_id: str) -> str:
        async with self._database.transaction() as session:
            earlier = await SandboxRepository(session).last_gone(ref.user_id, session_id)
        if earlier is None:
            return ""
        reason = f" ({earlier.reason.rstrip('.')})" if earlier.reason else ""
        return (
            f"The earlier sandbox {earlier.id} is gone{reason}: its files, programs and ports are lost. "
            "This is the result of a new, empty one.\n\n"
        )

    async def _tell(self, run: Run, sandbox: Sandbox) -> None:
        """Each call of the run that made it writes the same event at the same place, so the log keeps it once."""
        if sandbox.created_at < run.created_at:
            return
        writer = StepWriter(self._log, str(run.id), writer=f"sandbox-{sandbox.id}", attempt=1)
        await writer.emit([events.custom("sandbox.created", {"sandbox_id": sandbox.id})], urgent=True)


def session_of(thread_id: str) -> str:
    """The name by which a thread finds its sandbox again; one living sandbox has it at most."""
    return f"thread-{thread_id}"
