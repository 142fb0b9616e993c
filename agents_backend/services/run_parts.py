"""What a run was given and has finished on its way: small texts in PostgreSQL, so that only names cross Temporal."""

import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.db.base import Database, now
from agents_backend.db.run_parts import RunPartRepository
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import NotFound, RunClosed
from agents_backend.domain.runs import RunStatus

INPUT = "input"
VOICE = "voice"
Part = TypeVar("Part", bound=BaseModel)


class RunParts:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def begin(self, ref: RunRef) -> None:
        """Mark the run as running.

        Raises:
            RunClosed: it has ended meanwhile.
        """
        async with self._database.transaction() as session:
            run = await RunRepository(session).run(uuid.UUID(ref.run_id), lock=True)
            if run is None or RunStatus(run.status).is_final:
                raise RunClosed
            if run.started_at is None:
                run.status, run.started_at = RunStatus.RUNNING, now()

    async def find(self, ref: RunRef, name: str, kind: type[Part]) -> Part | None:
        async with self._database.autocommit() as session:
            part = await RunPartRepository(session).get(uuid.UUID(ref.run_id), name)
        return kind.model_validate(part.content) if part else None

    async def get(self, ref: RunRef, name: str, kind: type[Part]) -> Part:
        """A part that must be there.

        Raises:
            NotFound: the run is too old, or gone.
        """
        return (await self.several(ref, [name], kind))[0]

    async def several(self, ref: RunRef, names: Sequence[str], kind: type[Part]) -> list[Part]:
        """Parts that must be there, in the names' order.

        Raises:
            NotFound: one is missing.
        """
        async with self._database.autocommit() as session:
            found = await RunPartRepository(session).several(uuid.UUID(ref.run_id), names)
        if missing := [name for name in names if name not in found]:
            raise NotFound(f"The run's {missing[0]} is gone.")
        return [kind.model_validate(found[name].content) for name in names]

    async def add(
        self, ref: RunRef, name: str, part: BaseModel, *, usage: Usage | None = None, model: str = "", voice: str = ""
    ) -> None:
        """Keep a part, with what it cost and whose work it was: a model's, or a voice provider's. A repeated call changes nothing."""
        spent: dict[str, Any] | None = {**usage.model_dump(), "model": model} if usage else None
        if spent and voice:
            spent[VOICE] = voice
        async with self._database.autocommit() as session:
            repository = RunPartRepository(session)
            await repository.add(uuid.UUID(ref.run_id), name, part.model_dump(mode="json"), spent)


class WithInput:
    """Puts what a run was given beside its row, in the transaction that accepts it. A `run_starts.Fill`."""

    def __init__(self, part: BaseModel) -> None:
        self._part = part

    async def __call__(self, rows: RunRepository, run: Run) -> str:
        await rows.add_run(run)
        await RunPartRepository(rows.session).add(run.id, INPUT, self._part.model_dump(mode="json"))
        return ""
