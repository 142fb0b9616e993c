"""Threads: a user's conversations and what was said in them."""

from collections.abc import Sequence

from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Message, Thread
from agents_backend.domain.errors import NotFound, ThreadBusy


class Threads:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def list(self, user_id: int, *, page: int, size: int) -> tuple[Sequence[Thread], int]:
        """One's threads, the last used first, and how many there are."""
        async with self._database.transaction() as session:
            return await RunRepository(session).threads(user_id, offset=(page - 1) * size, limit=size)

    async def get(self, thread_id: str, user_id: int) -> Thread:
        """One's own thread.

        Raises:
            NotFound: none, or somebody else's.
        """
        async with self._database.transaction() as session:
            return await _find(RunRepository(session), user_id, thread_id)

    async def messages(self, thread_id: str, user_id: int, *, page: int, size: int) -> tuple[Sequence[Message], int]:
        """What was said in a thread, in its order.

        Raises:
            NotFound: no such thread.
        """
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            thread = await _find(rows, user_id, thread_id)
            return await rows.messages_page(thread.id, offset=(page - 1) * size, limit=size)

    async def delete(self, thread_id: str, user_id: int) -> None:
        """Forget a thread and what was said in it; its runs stay, as the account of what was used.

        Raises:
            NotFound: no such thread. ThreadBusy: a run is active on it.
        """
        async with self._database.transaction() as session:
            rows = RunRepository(session)
            thread = await _find(rows, user_id, thread_id, lock=True)
            if await rows.is_busy(thread.id):
                raise ThreadBusy("A run is active on this thread; cancel it first.")
            await rows.delete_messages_in(thread.id)
            thread.deleted_at, thread.title = now(), ""


async def _find(rows: RunRepository, user_id: int, thread_id: str, *, lock: bool = False) -> Thread:
    thread = await rows.thread(user_id, thread_id, lock=lock)
    if thread is None:
        raise NotFound("There is no such thread.", code="THREAD_NOT_FOUND")
    return thread
