"""The logs of sign-ins and of operations: read, thinned out by administrators, and by time."""

from datetime import datetime, timedelta

from agents_backend.contracts.logs import Forgotten
from agents_backend.db import logs, sessions
from agents_backend.db.base import Database, now
from agents_backend.db.lists import Found, Slice
from agents_backend.db.logs import Log, LogFilter
from agents_backend.db.tables.logs import OperaLog
from agents_backend.db.tables.users import LoginLog
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Invalid, NotFound
from agents_backend.settings import RetentionSettings

_AT_ONCE = 5_000


class Logs:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def logins(self, wanted: LogFilter, part: Slice) -> Found:
        async with self._database.autocommit() as session:
            return await logs.logins(session, wanted, part)

    async def operations(self, wanted: LogFilter, part: Slice) -> Found:
        async with self._database.autocommit() as session:
            return await logs.operations(session, wanted, part)

    async def delete_login(self, log_id: int) -> None:
        """Delete one entry.

        Raises:
            NotFound: there is none of this id.
        """
        await self._delete_one(LoginLog, log_id)

    async def delete_operation(self, log_id: int) -> None:
        """Delete one entry.

        Raises:
            NotFound: there is none of this id.
        """
        await self._delete_one(OperaLog, log_id)

    async def delete_logins(self, ids: frozenset[int], before: datetime | None) -> None:
        """Delete several entries, or all before a time.

        Raises:
            Invalid: neither or both were given.
        """
        await self._delete_many(LoginLog, ids, before)

    async def delete_operations(self, ids: frozenset[int], before: datetime | None) -> None:
        """Delete several entries, or all before a time.

        Raises:
            Invalid: neither or both were given.
        """
        await self._delete_many(OperaLog, ids, before)

    async def _delete_one(self, log: Log, log_id: int) -> None:
        async with self._database.transaction() as session:
            if not await logs.remove(session, log, {log_id}):
                raise NotFound("There is no such entry.")
        changed(log.__tablename__, log_id, {"entry": "kept"}, None)

    async def _delete_many(self, log: Log, ids: frozenset[int], before: datetime | None) -> None:
        if bool(ids) == (before is not None):
            raise Invalid.field("ids", "give either ids or before", where="query")
        async with self._database.transaction() as session:
            if before is None:
                gone = await logs.remove(session, log, set(ids))
            else:
                gone = await logs.remove_before(session, log, before)
        changed(log.__tablename__, "several", {"entries": gone}, None)


class Retention:
    """Forgets what is older than the settings say; a row at a time is never held long."""

    def __init__(self, *, database: Database, settings: RetentionSettings) -> None:
        self._database, self._settings = database, settings

    async def forget(self) -> Forgotten:
        """One round; it may be repeated without harm.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        logins = await self._thin(LoginLog, self._settings.login_log_days)
        operations = await self._thin(OperaLog, self._settings.opera_log_days)
        before, ended, gone = now() - timedelta(days=self._settings.ended_session_days), 0, _AT_ONCE
        while gone == _AT_ONCE:
            async with self._database.transaction() as session:
                gone = await sessions.forget_ended(session, before, limit=_AT_ONCE)
            ended += gone
        return Forgotten(logins=logins, operations=operations, sessions=ended)

    async def _thin(self, log: Log, days: int) -> int:
        before, total, gone = now() - timedelta(days=days), 0, _AT_ONCE
        while gone == _AT_ONCE:
            async with self._database.transaction() as session:
                gone = await logs.remove_before(session, log, before, limit=_AT_ONCE)
            total += gone
        return total
