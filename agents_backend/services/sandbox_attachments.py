"""What a thread's user attached, put into the sandbox of its runs before their first call there.

Which files stand there is marked in the sandbox itself, since it is as lasting as they are: a file that an agent has changed or
removed is not put back, and a file that a dying worker had half written, and so not marked, is written anew in its place.
"""

import asyncio
import json
import posixpath
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from agents_backend.contracts import events
from agents_backend.contracts.turns import RunRef
from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.domain.attachments import FOLDER, MARKS, attachment_path
from agents_backend.domain.errors import NotFound, PathNotFound, SandboxFull, SandboxGone
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.storage import Storage
from agents_backend.services.content import STAGED
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.step_writer import StepWriter

COPIED: Final = "attachment.copied"
REFUSED: Final = "attachment.refused"
# Whoever copies holds a connection to PostgreSQL meanwhile.
_AT_ONCE: Final = 4
_KEPT: Final = 1_000


@dataclass(frozen=True)
class _Outcome:
    """What became of one file; one that is not `settled` is tried again at the next call."""

    event: str
    reason: str = ""
    settled: bool = True


class SandboxAttachments:
    def __init__(
        self, *, database: Database, log: EventLog, storage: Storage, staged: StagedFiles, files: SandboxFiles
    ) -> None:
        self._database, self._log, self._storage, self._staged, self._files = database, log, storage, staged, files
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._settled: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def bring(self, ref: RunRef, sandbox_id: str) -> str:
        """Put what is attached to the run's thread into its sandbox, each file once; gives what the model must be told of those that are not there.

        Raises:
            Unavailable: E2B, the storage or PostgreSQL fails; what is marked stays, the rest is done when it is asked for again.
        """
        if (sandbox_id, ref.run_id) in self._settled:
            return ""
        attached = await self._attached(ref)
        try:
            outcomes = await self._bring(ref, sandbox_id, attached) if attached else []
        except SandboxGone:
            return ""  # the call itself finds that out, and tells it
        if all(outcome.settled for outcome in outcomes):
            self._remember(sandbox_id, ref.run_id)
        return "".join(f"{outcome.reason}\n" for outcome in outcomes if outcome.reason)

    async def _attached(self, ref: RunRef) -> dict[str, str]:
        """The names of the thread's files by their ids, in the order in which they came."""
        async with self._database.autocommit() as session:
            parts = await RunRepository(session).user_parts(uuid.UUID(ref.thread_id))
        return {part["file_id"]: part["name"] for part in parts if part.get("type") == STAGED}

    async def _bring(self, ref: RunRef, sandbox_id: str, attached: dict[str, str]) -> list[_Outcome]:
        outcomes = []
        async with self._turns, self._database.transaction() as session:
            await SandboxRepository(session).lock_file(sandbox_id, FOLDER)
            marks = await self._marks(sandbox_id, ref.user_id)
            for file_id, name in attached.items():
                if file_id in marks:
                    continue
                path = attachment_path(uuid.UUID(file_id), name)
                outcome = await self._outcome(ref, sandbox_id, file_id, {**marks, file_id: path})
                if outcome.event == COPIED:
                    marks[file_id] = path
                told = {"sandbox_id": sandbox_id, "file_id": file_id, "name": name, "path": path}
                await self._tell(ref, outcome, told)
                outcomes.append(outcome)
        return outcomes

    async def _outcome(self, ref: RunRef, sandbox_id: str, file_id: str, marks: dict[str, str]) -> _Outcome:
        path = marks[file_id]
        try:
            file = await self._staged.get(uuid.UUID(file_id), ref.user_id)
            if file.size > self._files.max_bytes:
                limit = f"it has {file.size:,} bytes, and {self._files.max_bytes:,} are the most"
                return _Outcome(REFUSED, f"{file.name} is not in the sandbox: {limit}.")
            pieces = await self._storage.open(file.key, 0, file.size)
        except NotFound:
            return _Outcome(REFUSED, f"{posixpath.basename(path)} is not in the sandbox: the user has deleted it.")
        try:
            await self._files.write(sandbox_id, ref.user_id, path, pieces)
            await self._files.write(sandbox_id, ref.user_id, MARKS, json.dumps(marks).encode())
        except SandboxFull:
            await self._files.remove(sandbox_id, ref.user_id, path)
            why = f"its disk has no room for {file.size:,} bytes. It comes with the next call once there is."
            return _Outcome(REFUSED, f"{file.name} is not in the sandbox: {why}", settled=False)
        return _Outcome(COPIED)

    async def _marks(self, sandbox_id: str, user_id: int) -> dict[str, str]:
        try:
            found = json.loads((await self._files.read(sandbox_id, user_id, MARKS)).content)
        except (PathNotFound, ValueError):  # none yet, or the agent has spoilt them
            return {}
        return found if isinstance(found, dict) else {}

    async def _tell(self, ref: RunRef, outcome: _Outcome, told: dict[str, str]) -> None:
        """Each attempt of a run writes the same event at the same place, so the log keeps it once."""
        more = {"reason": outcome.reason} if outcome.reason else {}
        writer = StepWriter(self._log, ref.run_id, writer=f"{outcome.event}-{told['file_id']}", attempt=1)
        await writer.emit([events.custom(outcome.event, {**told, **more})], urgent=True)

    def _remember(self, sandbox_id: str, run_id: str) -> None:
        self._settled[sandbox_id, run_id] = None
        while len(self._settled) > _KEPT:
            self._settled.popitem(last=False)
