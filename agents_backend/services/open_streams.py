"""The streams that this process holds open: counted by user, and closed when their sign-in ends."""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import Gauge

from agents_backend.db import sessions
from agents_backend.db.base import Database, now
from agents_backend.domain.errors import TooMany, Unavailable

LOOK_SECONDS = 2.0
_OPEN = Gauge("open_streams", "Event streams that clients hold open")
_log = structlog.get_logger(__name__)


class Lease:
    """One open stream of one sign-in.

    Attributes:
        revoked: the sign-in has ended, or its user's roles are others now; the stream must end.
        wake: set by the stream: called when it is to look at `revoked`.
    """

    __slots__ = ("opened_at", "revoked", "session_id", "user_id", "wake")

    def __init__(self, user_id: int, session_id: uuid.UUID) -> None:
        self.user_id, self.session_id, self.revoked = user_id, session_id, False
        self.opened_at = now()
        self.wake: Callable[[], None] = _nobody

    def revoke(self) -> None:
        self.revoked = True
        self.wake()


def _nobody() -> None:
    """The stream has not begun; it looks when it does."""


class OpenStreams:
    """Use it as a background task of its process: one query every two seconds, however many streams there are."""

    def __init__(self, *, database: Database, per_user: int) -> None:
        self._database, self._per_user = database, per_user
        self._leases: set[Lease] = set()
        self._by_user: Counter[int] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="open-streams")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def admit(self, user_id: int) -> None:
        """Refuse one stream too many.

        Raises:
            TooMany: the user holds as many as are allowed.
        """
        if self._by_user[user_id] >= self._per_user:
            raise TooMany("Too many streams are open.", retry_after=5)

    @contextmanager
    def lease(self, user_id: int, session_id: uuid.UUID) -> Iterator[Lease]:
        lease = Lease(user_id, session_id)
        self._leases.add(lease)
        self._by_user[user_id] += 1
        _OPEN.inc()
        try:
            yield lease
        finally:
            _OPEN.dec()
            self._leases.discard(lease)
            self._by_user[user_id] -= 1
            if not self._by_user[user_id]:
                del self._by_user[user_id]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Unavailable as error:  # PostgreSQL is away: nobody can sign out meanwhile either
                _log.warning("open_streams_not_checked", error=error.detail)

    async def _look(self) -> None:
        wanted = {lease.session_id for lease in self._leases}
        if not wanted:
            return
        async with self._database.transaction() as session:
            alive = await sessions.live_sessions(session, wanted)
        for lease in list(self._leases):
            changed = alive.get(lease.session_id)
            ended = lease.session_id in wanted and lease.session_id not in alive
            if ended or (changed is not None and changed > lease.opened_at):
                lease.revoke()
