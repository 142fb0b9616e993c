"""A run's events as one client sees them: what the log has, then what comes, until the leg ends."""

import asyncio
import time
from collections.abc import AsyncIterator

from ag_ui.core import MessagesSnapshotEvent

from agents_backend.contracts import events
from agents_backend.db.base import Database
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Message, Run
from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.events import EventLog, LoggedEvent
from agents_backend.integrations.hub import Hub, SlowReader, Subscription
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.open_streams import Lease
from agents_backend.services.run_ends import ending_of
from agents_backend.services.runs import StartedRun
from agents_backend.services.stream_cursor import BEGINNING, Cursor

BEAT_SECONDS = 10.0
RETRY_SECONDS = 0.3
PATIENCE_SECONDS = 60.0


class Streams:
    def __init__(self, *, database: Database, log: EventLog, hub: Hub, lost: LostRuns) -> None:
        self._database, self._log, self._hub, self._lost = database, log, hub, lost

    async def follow(
        self, started: StartedRun, lease: Lease, *, after: str = BEGINNING
    ) -> AsyncIterator[LoggedEvent | None]:
        """Events after an id, to the end of the run's present leg; None every 10 s of silence.

        Ends early when the sign-in that opened it is revoked, or the client is too slow: it rejoins by its last id.
        """
        cursor = Cursor(after, leg=started.run.leg, begins_at_leg=started.leg)
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        async with self._hub.watch(str(started.run.id)) as subscription:
            lease.wake = lambda: subscription.put(None)
            while not cursor.done and time.monotonic() < give_up_at and not lease.revoked:
                try:
                    async for logged in self._catch_up(started, cursor):
                        yield logged
                    async for live in self._live(started.run, cursor, subscription, lease):
                        yield live
                except Unavailable:  # the answer has begun, so there is no status left to send: wait for it to heal
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    give_up_at = time.monotonic() + PATIENCE_SECONDS

    async def _catch_up(self, started: StartedRun, cursor: Cursor) -> AsyncIterator[LoggedEvent]:
        """What the log has beyond the cursor; where its beginning is gone, PostgreSQL stands in for it."""
        first = await self._log.first(str(started.run.id))
        if not cursor.torn and not _is_whole(first):
            for item in await self._replace(started, cursor):
                yield item
        async for event in self._log.read(str(started.run.id), after=cursor.after):
            if cursor.done:
                return
            for item in await self._accept(started.run, cursor, event):
                yield item

    async def _live(
        self, run: Run, cursor: Cursor, subscription: Subscription, lease: Lease
    ) -> AsyncIterator[LoggedEvent | None]:
        """What the hub brings, until it ends or asks to read the log again."""
        while not cursor.done and not lease.revoked:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    event = await subscription.get()
            except TimeoutError:
                yield None
                await self._lost.end_if_lost(run)
                return
            except SlowReader:
                cursor.done = True
                return
            if event is None:
                return
            for item in await self._accept(run, cursor, event):
                yield item

    async def _accept(self, run: Run, cursor: Cursor, event: LoggedEvent) -> list[LoggedEvent]:
        if not cursor.is_new(event):
            return []
        out: list[LoggedEvent] = []
        if cursor.misses(event):
            out += [*cursor.tear(), await self._snapshot(run, cursor)]
        if cursor.torn and events.is_end(event.data):
            out.append(await self._snapshot(run, cursor))
        if cursor.take(event):
            out.append(event)
        return out

    async def _replace(self, started: StartedRun, cursor: Cursor) -> list[LoggedEvent]:
        """The run as PostgreSQL has it: its start, what was said, and its end if it has one."""
        run, out = started.run, []
        if not cursor.started():
            out.append(cursor.invent(events.run_started(started.thread_id, run.protocol_run_id, leg=run.leg)))
        out += [*cursor.tear(), await self._snapshot(run, cursor)]
        async with self._database.transaction() as session:
            ending = await ending_of(RunRepository(session), run.id)
        if ending is not None:
            out.append(cursor.invent(ending))
            cursor.done = True
        return out

    async def _snapshot(self, run: Run, cursor: Cursor) -> LoggedEvent:
        async with self._database.transaction() as session:
            messages = await RunRepository(session).messages(run.thread_id) if run.thread_id else []
        data = events.dump(MessagesSnapshotEvent(messages=[as_protocol(m) for m in messages if m.scope == "main"]))
        return cursor.invent(data)


def _is_whole(first: LoggedEvent | None) -> bool:
    """Whether a log still has its beginning: the start of the first leg."""
    return first is not None and first.n == 1 and events.is_start(first.data) and events.leg_of(first.data) == 1


def as_protocol(message: Message) -> dict[str, object]:
    """A stored message as AG-UI's `Message`."""
    base: dict[str, object] = {
        "id": message.message_id,
        "role": message.role,
        "content": (message.parts if message.role == "user" else None) or message.content,
    }
    if message.role == "tool":
        base["toolCallId"] = message.tool_call_id
    if message.tool_calls:
        base["toolCalls"] = [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["args"]}}
            for c in message.tool_calls
        ]
    return base
