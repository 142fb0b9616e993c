"""SQL of sandboxes and their commands."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.sandboxes import Sandbox, SandboxCommand
from agents_backend.db.tables.users import User
from agents_backend.db.users import departed
from agents_backend.domain.sandboxes import LIVING, CommandStatus, SandboxStatus


class SandboxRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sandbox(self, sandbox_id: str, *, user_id: int | None = None, lock: bool = False) -> Sandbox | None:
        query = select(Sandbox).where(Sandbox.id == sandbox_id)
        if user_id is not None:
            query = query.where(Sandbox.user_id == user_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def by_session(self, user_id: int, session_id: str) -> Sandbox | None:
        """The living sandbox of that name."""
        query = select(Sandbox).where(
            Sandbox.user_id == user_id, Sandbox.session_id == session_id, Sandbox.ended_at.is_(None)
        )
        return await self._session.scalar(query)

    async def last_gone(self, user_id: int, session_id: str) -> Sandbox | None:
        """The last sandbox of that name that had been made and is no more."""
        query = select(Sandbox).where(
            Sandbox.user_id == user_id, Sandbox.session_id == session_id, Sandbox.ended_at.is_not(None)
        )
        query = query.where(Sandbox.e2b_id.is_not(None)).order_by(Sandbox.created_at.desc()).limit(1)
        return await self._session.scalar(query)

    async def lock_file(self, sandbox_id: str, path: str) -> None:
        """Let nobody else change a file until the transaction ends, among those who ask here."""
        name = f"sandbox-file:{sandbox_id}:{path}"
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    async def sandboxes(
        self, user_id: int, *, offset: int, limit: int, status: str | None
    ) -> tuple[Sequence[Sandbox], int]:
        mine = [Sandbox.user_id == user_id, Sandbox.status != SandboxStatus.DELETED]
        if status is not None:
            mine.append(Sandbox.status == status)
        total = await self._session.scalar(select(func.count()).select_from(Sandbox).where(*mine))
        query = select(Sandbox).where(*mine).order_by(Sandbox.created_at.desc(), Sandbox.id)
        return (await self._session.scalars(query.offset(offset).limit(limit))).all(), total or 0

    async def living_count(self, user_id: int) -> int:
        """How many living sandboxes a user has; whoever else counts them at once waits."""
        await self._session.scalar(select(User.id).where(User.id == user_id).with_for_update())
        query = select(func.count()).select_from(Sandbox).where(Sandbox.user_id == user_id, Sandbox.ended_at.is_(None))
        return await self._session.scalar(query) or 0

    async def add(self, sandbox: Sandbox) -> None:
        self._session.add(sandbox)
        await self._session.flush()

    async def set_state(self, sandbox_id: str, status: SandboxStatus, **values: Any) -> bool:
        """Change a living sandbox; False when it has ended."""
        ended = {"ended_at": now()} if status.is_final else {}
        query = update(Sandbox).where(Sandbox.id == sandbox_id, Sandbox.status.in_(LIVING))
        query = query.values(status=status, updated_at=now(), **ended, **values).returning(Sandbox.id)
        return await self._session.scalar(query) is not None

    async def hide(self, sandbox_id: str) -> None:
        """Mark an ended one as deleted by its user."""
        query = update(Sandbox).where(Sandbox.id == sandbox_id, Sandbox.ended_at.is_not(None))
        await self._session.execute(query.values(status=SandboxStatus.DELETED, updated_at=now()))

    async def living(self, *, before: datetime, after_id: str, limit: int) -> Sequence[Sandbox]:
        """Living sandboxes that have not changed since `before`, by id."""
        query = select(Sandbox).where(Sandbox.ended_at.is_(None), Sandbox.updated_at < before, Sandbox.id > after_id)
        return (await self._session.scalars(query.order_by(Sandbox.id).limit(limit))).all()

    async def of_departed(self, *, limit: int) -> Sequence[Sandbox]:
        """Living sandboxes of users who were deleted."""
        query = select(Sandbox).where(Sandbox.ended_at.is_(None), Sandbox.user_id.in_(departed()))
        return (await self._session.scalars(query.order_by(Sandbox.id).limit(limit))).all()

    async def named(self, ids: Collection[str]) -> dict[str, Sandbox]:
        found = await self._session.scalars(select(Sandbox).where(Sandbox.id.in_(ids)))
        return {sandbox.id: sandbox for sandbox in found}

    # Commands

    async def command(
        self, command_id: str, *, sandbox_id: str | None = None, user_id: int | None = None, lock: bool = False
    ) -> SandboxCommand | None:
        query = select(SandboxCommand).where(SandboxCommand.id == command_id)
        if sandbox_id is not None:
            query = query.where(SandboxCommand.sandbox_id == sandbox_id)
        if user_id is not None:
            query = query.where(SandboxCommand.user_id == user_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def commands(self, sandbox_id: str, *, offset: int, limit: int) -> tuple[Sequence[SandboxCommand], int]:
        here = SandboxCommand.sandbox_id == sandbox_id
        total = await self._session.scalar(select(func.count()).select_from(SandboxCommand).where(here))
        query = select(SandboxCommand).where(here).order_by(SandboxCommand.created_at.desc(), SandboxCommand.id)
        return (await self._session.scalars(query.offset(offset).limit(limit))).all(), total or 0

    async def running_count(self, sandbox_id: str) -> int:
        query = select(func.count()).select_from(SandboxCommand)
        query = query.where(SandboxCommand.sandbox_id == sandbox_id, SandboxCommand.finished_at.is_(None))
        return await self._session.scalar(query) or 0

    async def running_commands(self, before: datetime, *, limit: int) -> Sequence[SandboxCommand]:
        query = select(SandboxCommand).where(SandboxCommand.finished_at.is_(None), SandboxCommand.created_at < before)
        return (await self._session.scalars(query.order_by(SandboxCommand.created_at).limit(limit))).all()

    async def add_command(self, command_id: str, **values: Any) -> None:
        """Add it; a repeated call changes nothing."""
        query = insert(SandboxCommand).values(id=command_id, status=CommandStatus.RUNNING, created_at=now(), **values)
        await self._session.execute(query.on_conflict_do_nothing(index_elements=["id"]))

    async def end_command(self, command_id: str, status: CommandStatus, **values: Any) -> bool:
        """End a running command; False when it has ended before."""
        query = update(SandboxCommand).where(SandboxCommand.id == command_id, SandboxCommand.finished_at.is_(None))
        query = query.values(status=status, finished_at=now(), env=None, **values).returning(SandboxCommand.id)
        return await self._session.scalar(query) is not None
