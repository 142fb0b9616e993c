"""Who acts in a session and what they may do: asked of PostgreSQL in one statement, and kept for half a second.

So a revocation or a change of rights is felt within that time on every process, and a storm of requests in one session
costs two statements a second. Requests that find nothing kept share one statement.
"""

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from agents_backend.db import sessions
from agents_backend.db.base import Database
from agents_backend.domain.principals import HeldRole, Principal
from agents_backend.domain.rights import DataScope

_KEPT = 10_000


class Principals:
    def __init__(self, database: Database, *, kept_seconds: float) -> None:
        self._database, self._seconds = database, kept_seconds
        self._kept: OrderedDict[uuid.UUID, tuple[float, Principal | None]] = OrderedDict()
        self._asked: dict[uuid.UUID, asyncio.Task[Principal | None]] = {}

    async def of(self, session_id: uuid.UUID) -> Principal | None:
        """Who acts in a session, at most `kept_seconds` stale; None when it is revoked, expired, or they may not sign in.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        kept = self._kept.get(session_id)
        if kept and kept[0] > time.monotonic():
            return kept[1]
        asked = self._asked.get(session_id)
        if asked is None:
            asked = asyncio.create_task(self._ask(session_id))
            self._asked[session_id] = asked
            asked.add_done_callback(lambda done: self._answered(session_id, done))
        return await asyncio.shield(asked)  # one caller that goes away takes the answer from no other

    def forget(self, *, session_id: uuid.UUID | None = None, user_id: int | None = None) -> None:
        """Ask again at the next request of a session or of a user; without either, of everybody."""
        gone = [
            key
            for key, (_, found) in self._kept.items()
            if session_id in {None, key} and (user_id is None or (found is not None and found.user_id == user_id))
        ]
        for key in gone:
            del self._kept[key]
        for key in list(self._asked):  # an answer that is on its way may be older than the change
            if session_id in {None, key}:
                del self._asked[key]

    async def _ask(self, session_id: uuid.UUID) -> Principal | None:
        until = time.monotonic() + self._seconds
        async with self._database.autocommit() as session:
            row = await sessions.actor(session, session_id)
        found = _principal(session_id, row) if row else None
        if self._asked.get(session_id) is asyncio.current_task():
            self._kept[session_id] = (until, found)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _answered(self, session_id: uuid.UUID, done: asyncio.Task[Principal | None]) -> None:
        if self._asked.get(session_id) is done:
            del self._asked[session_id]
        if not done.cancelled():
            done.exception()  # told to each caller; nobody is left when all have gone away


def _principal(session_id: uuid.UUID, row: Mapping[str, Any]) -> Principal:
    roles = row["roles"] or []
    return Principal(
        user_id=row["id"],
        username=row["username"],
        is_superuser=row["is_superuser"],
        session_id=session_id,
        permissions=frozenset(row["permissions"] or ()),
        data_scope=DataScope.widest([DataScope(role["data_scope"]) for role in roles]),
        nickname=row["nickname"],
        email=row["email"],
        phone=row["phone"],
        avatar=row["avatar"],
        dept_id=row["dept_id"],
        dept_name=row["dept_name"],
        roles=tuple(HeldRole(role["id"], role["name"]) for role in roles),
    )
