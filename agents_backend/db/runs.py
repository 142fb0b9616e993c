"""SQL of threads, runs, messages and interrupts."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.runs import ANSWERS, Artifact, IdempotencyKey, Interrupt, Message, Run, RunPart, Thread
from agents_backend.domain.errors import NotFound
from agents_backend.domain.runs import FINAL, HOLDING, RunStatus

KEY_LIFETIME = timedelta(hours=24)


def kept_as(idempotency_key: str) -> str:
    """Whoever has a key can have its result again, so only its SHA-256 is kept."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()


class RunRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @property
    def session(self) -> AsyncSession:
        """For the repository of another noun that writes in the same transaction."""
        return self._session

    # Threads

    async def thread(self, user_id: int, public_id: str, *, lock: bool = False) -> Thread | None:
        query = select(Thread).where(
            Thread.user_id == user_id, Thread.public_id == public_id, Thread.deleted_at.is_(None)
        )
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def thread_by_key(self, thread_id: uuid.UUID) -> Thread | None:
        return await self._session.get(Thread, thread_id)

    async def add_thread(self, user_id: int, public_id: str | None, title: str) -> Thread:
        """Make a thread; two that make the same name at once get the same one."""
        thread_id = uuid.uuid4()
        values = {"id": thread_id, "user_id": user_id, "public_id": public_id or str(thread_id), "title": title}
        query = insert(Thread).values(created_at=now(), updated_at=now(), **values)
        query = query.on_conflict_do_update(
            index_elements=["user_id", "public_id"], set_={"deleted_at": None, "updated_at": now()}
        )
        await self._session.execute(query)
        thread = await self.thread(user_id, str(values["public_id"]), lock=True)
        if thread is None:
            raise NotFound("The thread is gone.")
        return thread

    async def threads(self, user_id: int, *, offset: int, limit: int) -> tuple[Sequence[Thread], int]:
        mine = (Thread.user_id == user_id, Thread.deleted_at.is_(None))
        total = await self._session.scalar(select(func.count()).select_from(Thread).where(*mine))
        query = select(Thread).where(*mine).order_by(Thread.updated_at.desc(), Thread.id).offset(offset).limit(limit)
        return (await self._session.scalars(query)).all(), total or 0

    # Runs

    async def run(self, run_id: uuid.UUID, *, user_id: int | None = None, lock: bool = False) -> Run | None:
        query = select(Run).where(Run.id == run_id)
        if user_id is not None:
            query = query.where(Run.user_id == user_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def run_and_thread(self, run_id: uuid.UUID, *, lock: bool = False) -> tuple[Run, str] | None:
        """A run, and the public id of its thread, or nothing where it has none."""
        query = select(Run, Thread.public_id).outerjoin(Thread, Thread.id == Run.thread_id).where(Run.id == run_id)
        row = (await self._session.execute(query.with_for_update(of=Run) if lock else query)).one_or_none()
        return (row[0], row[1] or "") if row else None

    async def holder(self, thread_id: uuid.UUID) -> Run | None:
        """The run that the thread is busy with."""
        query = select(Run).where(Run.thread_id == thread_id, Run.status.in_(HOLDING)).with_for_update()
        return await self._session.scalar(query)

    async def is_busy(self, thread_id: uuid.UUID) -> bool:
        """Whether a run of the thread has not ended, queued ones included."""
        query = select(Run.id).where(Run.thread_id == thread_id, Run.status.not_in(FINAL)).limit(1)
        return await self._session.scalar(query) is not None

    async def add_run(self, run: Run) -> None:
        """Add it now, so that its messages can refer to it."""
        self._session.add(run)
        await self._session.flush()

    async def cancel_queued(self, run_id: uuid.UUID) -> bool:
        """End a run that still waits for its thread; False when it has begun or ended meanwhile."""
        query = update(Run).where(Run.id == run_id, Run.status == RunStatus.QUEUED)
        query = query.values(status=RunStatus.CANCELLED, finished_at=now())
        return bool((await self._session.execute(query)).rowcount)  # type: ignore[attr-defined]  # a CursorResult

    async def next_queued(self, thread_id: uuid.UUID) -> Run | None:
        query = (
            select(Run)
            .where(Run.thread_id == thread_id, Run.status == RunStatus.QUEUED)
            .order_by(Run.created_at)
            .limit(1)
            .with_for_update()
        )
        return await self._session.scalar(query)

    async def active_count(self, user_id: int) -> int:
        query = select(func.count()).select_from(Run).where(Run.user_id == user_id, Run.finished_at.is_(None))
        return await self._session.scalar(query) or 0

    async def runs(
        self, user_id: int, *, offset: int, limit: int, filters: dict[str, Any]
    ) -> tuple[Sequence[tuple[Run, str | None]], int]:
        conditions = [Run.user_id == user_id]
        conditions += [getattr(Run, name) == value for name, value in filters.items() if name != "thread_id"]
        if "thread_id" in filters:
            conditions.append(Thread.public_id == filters["thread_id"])
        base = select(Run, Thread.public_id).outerjoin(Thread, Thread.id == Run.thread_id).where(*conditions)
        total = await self._session.scalar(select(func.count()).select_from(base.subquery()))
        rows = await self._session.execute(base.order_by(Run.created_at.desc(), Run.id).offset(offset).limit(limit))
        return [(row[0], row[1]) for row in rows], total or 0

    async def set_status(self, run_id: uuid.UUID, status: RunStatus, **values: Any) -> bool:
        """Move a run that has not ended; False when it has."""
        query = update(Run).where(Run.id == run_id, Run.status.not_in(FINAL)).values(status=status, **values)
        query = query.execution_options(synchronize_session=False)
        return bool((await self._session.execute(query)).rowcount)  # type: ignore[attr-defined]  # a CursorResult

    async def stop_waiting(self, run_id: uuid.UUID) -> None:
        """A run that is being cancelled waits for nobody: its stream goes on to its end, and no answer is taken."""
        query = update(Run).where(Run.id == run_id, Run.status == RunStatus.WAITING)
        await self._session.execute(query.values(status=RunStatus.RUNNING, leg=Run.leg + 1))

    # What the sweep looks for

    async def unstarted(self, before: datetime, *, limit: int) -> list[Run]:
        """Accepted before a time, and not yet begun."""
        query = select(Run).where(Run.status == RunStatus.PENDING, Run.created_at < before).limit(limit)
        return list((await self._session.scalars(query)).all())

    async def undelivered(self, before: datetime, *, limit: int) -> list[tuple[Run, str | None]]:
        """Answered before a time, their workflow not yet told; each with its thread's public id."""
        waiting = select(Interrupt.run_id).where(Interrupt.answered_at < before, Interrupt.delivered_at.is_(None))
        query = select(Run, Thread.public_id).outerjoin(Thread, Thread.id == Run.thread_id)
        rows = await self._session.execute(
            query.where(Run.id.in_(waiting), Run.status == RunStatus.RUNNING).limit(limit)
        )
        return [(row[0], row[1]) for row in rows]

    async def working(self, before: datetime, *, limit: int) -> list[Run]:
        """Some of those that somebody should be working on, another handful each time."""
        query = select(Run).where(Run.status.in_(HOLDING), Run.created_at < before)
        return list((await self._session.scalars(query.order_by(func.random()).limit(limit))).all())

    async def free_threads_with_queue(self, *, limit: int) -> list[uuid.UUID]:
        busy = select(Run.thread_id).where(Run.status.in_(HOLDING), Run.thread_id.is_not(None))
        query = select(Run.thread_id).where(Run.status == RunStatus.QUEUED, Run.thread_id.not_in(busy)).distinct()
        return [found for found in (await self._session.scalars(query.limit(limit))).all() if found is not None]

    async def forget_stale_keys(self) -> None:
        await self._session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - KEY_LIFETIME))

    # Messages

    async def messages(self, thread_id: uuid.UUID, *, scope: str | None = None) -> Sequence[Message]:
        query = select(Message).where(Message.thread_id == thread_id)
        if scope is not None:
            query = query.where(Message.scope == scope)
        return (await self._session.scalars(query.order_by(Message.seq))).all()

    async def user_parts(self, thread_id: uuid.UUID) -> list[dict[str, Any]]:
        """The content parts of the thread's user messages, in their order."""
        query = select(Message.parts).where(
            Message.thread_id == thread_id, Message.role == "user", Message.parts.is_not(None)
        )
        return [part for parts in await self._session.scalars(query.order_by(Message.seq)) for part in parts or ()]

    async def usages(self, run_id: uuid.UUID) -> Sequence[dict[str, Any] | None]:
        """What the run's messages and parts cost, in the order in which they came."""
        found = [select(table.usage, table.created_at).where(table.run_id == run_id) for table in (Message, RunPart)]
        every = union_all(*found).subquery()
        return (await self._session.scalars(select(every.c.usage).order_by(every.c.created_at))).all()

    async def messages_page(self, thread_id: uuid.UUID, *, offset: int, limit: int) -> tuple[Sequence[Message], int]:
        mine = Message.thread_id == thread_id
        total = await self._session.scalar(select(func.count()).select_from(Message).where(mine))
        query = select(Message).where(mine).order_by(Message.seq).offset(offset).limit(limit)
        return (await self._session.scalars(query)).all(), total or 0

    async def message(self, thread_id: uuid.UUID, message_id: str) -> Message | None:
        query = select(Message).where(Message.thread_id == thread_id, Message.message_id == message_id)
        return await self._session.scalar(query)

    async def known_message_ids(self, thread_id: uuid.UUID, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        query = select(Message.message_id).where(Message.thread_id == thread_id, Message.message_id.in_(ids))
        return set((await self._session.scalars(query)).all())

    async def add_message(self, **values: Any) -> None:
        """Add a message once: a repeated call with the same id changes nothing."""
        query = insert(Message).values(created_at=now(), **values)
        await self._session.execute(query.on_conflict_do_nothing(index_elements=["thread_id", "message_id"]))

    async def keep_answer(self, **values: Any) -> None:
        """Write a step's answer; of two attempts the later one's stays, in whatever order they come."""
        query = insert(Message).values(created_at=now(), **values)
        fields = (
            "message_id",
            "content",
            "parts",
            "reasoning",
            "tool_calls",
            "usage",
            "is_partial",
            "attempt",
            "scope",
        )
        await self._session.execute(
            query.on_conflict_do_update(
                index_elements=["run_id", "step"],
                index_where=ANSWERS,
                set_={name: query.excluded[name] for name in fields},
                where=Message.attempt < query.excluded["attempt"],
            )
        )

    async def delete_messages_of(self, run_id: uuid.UUID) -> None:
        await self._session.execute(delete(Message).where(Message.run_id == run_id))

    async def delete_messages_in(self, thread_id: uuid.UUID) -> None:
        await self._session.execute(delete(Message).where(Message.thread_id == thread_id))

    # Interrupts, artifacts, idempotency

    async def interrupts(self, run_id: uuid.UUID, *, leg: int | None = None) -> Sequence[Interrupt]:
        query = select(Interrupt).where(Interrupt.run_id == run_id)
        if leg is not None:
            query = query.where(Interrupt.leg == leg)
        return (await self._session.scalars(query.order_by(Interrupt.created_at, Interrupt.id))).all()

    async def interrupt(self, interrupt_id: str) -> Interrupt | None:
        return await self._session.get(Interrupt, interrupt_id)

    async def add_interrupt(self, **values: Any) -> None:
        query = insert(Interrupt).values(created_at=now(), **values)
        await self._session.execute(query.on_conflict_do_nothing(index_elements=["id"]))

    async def mark_delivered(self, run_id: uuid.UUID, *, leg: int) -> None:
        query = update(Interrupt).where(Interrupt.run_id == run_id, Interrupt.leg == leg)
        await self._session.execute(query.values(delivered_at=now()))

    async def artifacts(self, run_id: uuid.UUID) -> Sequence[Artifact]:
        query = select(Artifact).where(Artifact.run_id == run_id).order_by(Artifact.name)
        return (await self._session.scalars(query)).all()

    async def claim_key(self, user_id: int, key: str, operation: str, body_hash: str, result_id: str) -> IdempotencyKey:
        """Write the key, or find it as another request wrote it within the last 24 hours."""
        values = {"operation": operation, "body_hash": body_hash, "result_id": result_id, "created_at": now()}
        query = insert(IdempotencyKey).values(user_id=user_id, key=kept_as(key), **values)
        stale = IdempotencyKey.created_at < now() - KEY_LIFETIME
        await self._session.execute(
            query.on_conflict_do_update(index_elements=["user_id", "key"], set_=values, where=stale)
        )
        found = await self._session.get(IdempotencyKey, (user_id, kept_as(key)))
        if found is None:
            raise NotFound("The Idempotency-Key is gone.")
        return found

    async def key(self, user_id: int, key: str) -> IdempotencyKey | None:
        found = await self._session.get(IdempotencyKey, (user_id, kept_as(key)))
        return found if found and found.created_at >= now() - KEY_LIFETIME else None

    async def release_key(self, user_id: int, key: str) -> None:
        await self._session.execute(
            delete(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == kept_as(key))
        )
