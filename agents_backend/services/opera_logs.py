"""Writes the operation log beside the requests: a bounded queue in memory, flushed in batches to PostgreSQL.

A request only appends to the queue. While PostgreSQL is away the queue grows to its bound; what does not fit is counted
in `opera_log_dropped_total`. A batch that was written before its acknowledgement was lost is written once: by `entry_id`.
"""

import asyncio
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from agents_backend.db import logs
from agents_backend.db.base import Database, now
from agents_backend.domain.errors import Unavailable
from agents_backend.domain.redaction import redacted, redacted_query, redacted_text
from agents_backend.services.clients import ip_of, software_of

CAPACITY = 10_000
_BATCH = 200
_EVERY_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_DROPPED = Counter("opera_log_dropped_total", "Entries of the operation log that could not be kept")
_WAITING = Gauge("opera_log_waiting", "Entries of the operation log that are not yet written")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A mutating request and what became of it. `body` is the JSON that was sent, or None."""

    user_id: int
    username: str
    method: str
    path: str
    operation: str
    status: int
    duration_ms: float
    address: str
    user_agent: str
    request_id: str
    query: str
    body: Any
    changes: list[dict[str, Any]]
    created_at: datetime = field(default_factory=now)
    entry_id: uuid.UUID = field(default_factory=uuid.uuid4)


class OperaLogs:
    """Use `start` and `close` with the process's life."""

    def __init__(self, *, database: Database, capacity: int = CAPACITY) -> None:
        self._database, self._capacity = database, capacity
        self._queue: deque[Operation] = deque()
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._write_for_ever())

    async def close(self) -> None:
        """Write what is left, within five seconds."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(_CLOSE_SECONDS):
                while self._queue:
                    await self._write_batch()
        if self._queue:
            _DROPPED.inc(len(self._queue))
            _log.error("opera_log_lost", entries=len(self._queue))

    def add(self, operation: Operation) -> None:
        """Take an entry; never waits, never raises."""
        if len(self._queue) >= self._capacity:
            _DROPPED.inc()
            return
        self._queue.append(operation)
        _WAITING.set(len(self._queue))
        if len(self._queue) >= _BATCH:
            self._enough.set()

    async def _write_for_ever(self) -> None:
        pause = _EVERY_SECONDS
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), pause)
            self._enough.clear()
            try:
                while self._queue:
                    await self._write_batch()
                pause = _EVERY_SECONDS
            except Unavailable:
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _write_batch(self) -> None:
        batch = [self._queue[at] for at in range(min(_BATCH, len(self._queue)))]
        try:
            await self._insert(batch)
        except SQLAlchemyError:  # one of them cannot be stored: the others shall be
            await self._insert_one_by_one(batch)
        for _ in batch:
            self._queue.popleft()
        _WAITING.set(len(self._queue))

    async def _insert(self, batch: list[Operation]) -> None:
        rows = await asyncio.to_thread(lambda: [_row(operation) for operation in batch])
        async with self._database.transaction() as session:
            await logs.add_operations(session, rows)

    async def _insert_one_by_one(self, batch: list[Operation]) -> None:
        for operation in batch:
            try:
                await self._insert([operation])
            except SQLAlchemyError:
                _DROPPED.inc()
                _log.exception("opera_log_refused", operation=operation.operation, request_id=operation.request_id)


def _row(operation: Operation) -> dict[str, Any]:
    software = software_of(operation.user_agent)
    return {
        "entry_id": operation.entry_id,
        "user_id": operation.user_id,
        "username": operation.username[:64],
        "method": operation.method[:8],
        "path": redacted_text(operation.path)[:512],
        "operation": operation.operation[:128],
        "status": operation.status,
        "duration_ms": round(operation.duration_ms, 3),
        "address": ip_of(operation.address),
        "user_agent": redacted_text(operation.user_agent)[:512],
        "browser": software.browser,
        "os": software.os,
        "request_id": operation.request_id[:64],
        "query": redacted_query(operation.query)[:1024],
        "body": redacted(operation.body),
        "changes": redacted(operation.changes),
        "created_at": operation.created_at,
    }
