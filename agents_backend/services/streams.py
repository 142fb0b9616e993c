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

BEAT_SECONDS = 10.0
RETRY_SECONDS = 0.3
PATIENCE_SECONDS = 60.0
_TERMINAL = ('{"type":"RUN_FINISHED"', '{"type":"RUN_ERROR"')
_INTERRUPT = '"outcome":{"type":"interrupt"'
_STARTED = '{"type":"RUN_STARTED"'


class Streams:
    def __init__(self, *, database: Database, log: EventLog, hub: Hub, lost: LostRuns) -> None:
        self._database, self._log, self._hub, self._lost = database, log, hub, lost

    async def follow(self, run: Run, *, after: str = "0-0") -> AsyncIterator[LoggedEvent | None]:
        """Events after an id, to the end of the run's present leg; None every 10 s of silence.

        Interrupts that were answered before the client joined, and the starts of the legs behind them, are passed over,
        so that what a client reads is one run: one start, one end.
        """
        cursor, give_up_at = Cursor(after, leg=run.leg), time.monotonic() + PATIENCE_SECONDS
        async with self._hub.watch(str(run.id)) as subscription:
            while not cursor.is_done() and time.monotonic() < give_up_at:
                try:
                    async for logged in self._catch_up(run, cursor):
                        yield logged
                    if cursor.is_done():
                        return
                    async for live in self._live(run, cursor, subscription):
                        yield live
                except Unavailable:  # the answer has begun, so there is no status left to send: wait for it to heal
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    give_up_at = time.monotonic() + PATIENCE_SECONDS

    async def _catch_up(self, run: Run, cursor: "Cursor") -> AsyncIterator[LoggedEvent]:
        """What the log has beyond the cursor."""
        if not cursor.checked:
            first = await self._log.first(str(run.id))
            cursor.checked, cursor.lost = True, first is None or (cursor.after != "0-0" and first.n > 1)
        async for event in self._log.read(str(run.id), after=cursor.after):
            for item in await self._accept(run, cursor, event):
                yield item
            if cursor.is_done():
                return

    async def _live(self, run: Run, cursor: "Cursor", subscription: Subscription) -> AsyncIterator[LoggedEvent | None]:
        """What the hub brings, until it ends or asks to read the log again."""
        while True:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    event = await subscription.get()
            except TimeoutError:
                yield None
                await self._lost.end_if_lost(run)
                return
            except SlowReader:
                cursor.ended = True
                return
            if event is None:
                return
            for item in await self._accept(run, cursor, event):
                yield item
            if cursor.is_done():
                return

    async def _accept(self, run: Run, cursor: "Cursor", event: LoggedEvent) -> list[LoggedEvent]:
        if _order(event.id) <= _order(cursor.after):
            return []
        out = await self._gap(run, event) if cursor.misses(event) else []
        cursor.take(event)
        if event.data.startswith(_STARTED):
            cursor.starts += 1
            return out if cursor.starts > 1 else [*out, event]
        if event.data.startswith(_TERMINAL):
            if _INTERRUPT in event.data and cursor.passed_legs() < run.leg:
                return out
            cursor.ended = True
        return [*out, event]

    async def _gap(self, run: Run, event: LoggedEvent) -> list[LoggedEvent]:
        """Redis lost something: say so, and give what PostgreSQL has."""
        async with self._database.transaction() as session:
            messages = await RunRepository(session).messages(run.thread_id) if run.thread_id else []
        snapshot = events.dump(MessagesSnapshotEvent(messages=[as_protocol(m) for m in messages]))
        return [LoggedEvent(0, event.id, events.custom("gap", {})), LoggedEvent(0, event.id, snapshot)]


class Cursor:
    """How far one client has read."""

    def __init__(self, after: str, *, leg: int) -> None:
        self.after, self.ended, self.lost, self.starts = after, False, False, 0
        self.checked = False
        self._n: int | None = 0 if after == "0-0" else None
        self._legs, self._leg = 0, leg

    def is_done(self) -> bool:
        return self.ended

    def misses(self, event: LoggedEvent) -> bool:
        """Whether events between the last one and this one are gone."""
        if self.lost:
            self.lost = False
            return event.n != 1 or self.after != "0-0"
        return self._n is not None and event.n != self._n + 1

    def take(self, event: LoggedEvent) -> None:
        self.after, self._n = event.id, event.n

    def passed_legs(self) -> int:
        self._legs += 1
        return self._legs


def _order(event_id: str) -> tuple[int, int]:
    time, _, number = event_id.partition("-")
    return int(time), int(number or 0)


def as_protocol(message: Message) -> dict[str, object]:
    """A stored message as AG-UI's `Message`."""
    base: dict[str, object] = {
        "id": message.message_id,
        "role": message.role,
        "content": message.parts or message.content,
    }
    if message.role == "tool":
        base["toolCallId"] = message.tool_call_id
    if message.tool_calls:
        base["toolCalls"] = [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["args"]}}
            for c in message.tool_calls
        ]
    return base


def parse_event_id(text: str | None) -> str:
    """A `Last-Event-ID`, or the beginning where there is none or it is not ours."""
    head, _, tail = (text or "").partition("-")
    return f"{head}-{tail}" if head.isdigit() and tail.isdigit() else "0-0"
