"""Writes one step's events to the log: the first at once, then batched by time, neighbouring fragments joined into one."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any

from agents_backend.contracts import events
from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.events import EventLog

FLUSH_SECONDS = 0.05
MOST_FLUSH_SECONDS = 0.25
SHARE = (
    4  # a writer spends a quarter of its time sending at the most: where Redis or this process is busy, batches grow
)
RETRY_SECONDS = 0.2
PATIENCE_SECONDS = 60.0


class StepWriter:
    """The only writer of one attempt of one step.

    The batch is kept until Redis acknowledges it, so a restart of Redis loses no token; a later attempt of the same step
    fences this one, which then raises `WriterFenced`.
    """

    def __init__(self, log: EventLog, run_id: str, *, writer: str, attempt: int) -> None:
        self._log, self._run_id, self._writer, self._attempt = log, run_id, writer, attempt
        self._offset = 0
        self._pending: list[str] = []
        self._fragment: tuple[str, str, list[str]] | None = None
        self._open: list[dict[str, Any]] = []
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._last_flush = 0.0
        self._pause = FLUSH_SECONDS

    async def begin(self) -> None:
        """Fence the earlier attempts, which may not be dead after all, and withdraw what they had begun.

        Raises:
            WriterFenced: a later attempt writes now. Unavailable: Redis is away.
        """
        if self._attempt == 1:
            return
        left = await self._log.take_over(self._run_id, writer=self._writer, attempt=self._attempt)
        messages = [item["id"] for item in left if item["kind"] == "message"]
        for item in reversed(left):
            self._pending += events.closing_of(item)
        self._pending += [events.discarded(message_id) for message_id in messages]
        await self.flush()

    def opened(self, kind: str, item_id: str) -> None:
        self._open.append({"kind": kind, "id": item_id})

    def closed(self, kind: str, item_id: str) -> None:
        self._open.remove({"kind": kind, "id": item_id})

    def is_open(self, kind: str, item_id: str) -> bool:
        return {"kind": kind, "id": item_id} in self._open

    async def emit(self, items: Iterable[str], *, urgent: bool = False) -> None:
        """Add events; they are sent within 50 ms (more where sending itself is slow), or at once when `urgent`."""
        self._close_fragment()
        self._pending += items
        await self._soon(urgent=urgent)

    async def fragment(self, kind: str, item_id: str, delta: str) -> None:
        """Add a piece of text; pieces of the same kind and id that meet in one batch become one event."""
        if self._fragment and self._fragment[:2] == (kind, item_id):
            self._fragment[2].append(delta)
        else:
            self._close_fragment()
            self._fragment = (kind, item_id, [delta])
        await self._soon(urgent=False)

    async def _soon(self, *, urgent: bool) -> None:
        self._raise_if_failed()
        due = self._last_flush + self._pause - asyncio.get_running_loop().time()
        if urgent or due <= 0:
            await self.flush()
        elif self._timer is None:
            self._timer = asyncio.create_task(self._flush_after(due))

    async def _flush_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.flush()

    def _raise_if_failed(self) -> None:
        if self._timer is not None and self._timer.done():
            timer, self._timer = self._timer, None
            timer.result()

    async def flush(self) -> None:
        """Send what is pending and wait until Redis has it, for a minute at the most.

        Raises:
            WriterFenced: a later attempt writes now.
            Unavailable: Redis stayed away for the whole minute.
        """
        async with self._lock:
            self._close_fragment()
            batch, self._pending = self._pending, []
            began = asyncio.get_running_loop().time()
            if batch:
                await _to_its_end(self._send(batch))
            self._last_flush = asyncio.get_running_loop().time()
            self._pause = min(max(FLUSH_SECONDS, SHARE * (self._last_flush - began)), MOST_FLUSH_SECONDS)

    async def _send(self, batch: list[str]) -> None:
        give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                await self._log.append(
                    self._run_id,
                    batch,
                    writer=self._writer,
                    attempt=self._attempt,
                    offset=self._offset,
                    open_items=self._open,
                )
            except Unavailable:
                if asyncio.get_running_loop().time() > give_up_at:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._offset += len(batch)
                return

    def _close_fragment(self) -> None:
        if self._fragment is None:
            return
        kind, item_id, deltas = self._fragment
        self._fragment = None
        make = {"text": events.text_content, "reasoning": events.reasoning_content, "tool": events.tool_args}[kind]
        self._pending.append(make(item_id, "".join(deltas)))

    async def close(self) -> None:
        """Send the rest and stop the timer."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            with suppress(asyncio.CancelledError):
                await timer
        await self.flush()


async def _to_its_end(sending: Coroutine[Any, Any, None]) -> None:
    """Let a batch arrive even where its writer is cancelled meanwhile: half-known, neither it nor what follows could be told once."""
    task = asyncio.ensure_future(sending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
