"""One reader a process: a single Redis subscription fans the events of all watched runs out to their streams."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from agents_backend.integrations.events import LoggedEvent, channel

QUEUE_EVENTS = 2_000
_log = structlog.get_logger(__name__)


class SlowReader(Exception):
    """The client takes events slower than they come; it is cut, and rejoins by its last id."""


class Subscription:
    """What one stream receives. `lost` means: something may be missing, read the log again."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[LoggedEvent | None] = asyncio.Queue(QUEUE_EVENTS)
        self._overrun = False

    def put(self, event: LoggedEvent | None) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._overrun = True

    async def get(self) -> LoggedEvent | None:
        """The next event; None asks the reader to look into the log again, for the subscription was broken.

        Raises:
            SlowReader: the queue ran over.
        """
        if self._overrun:
            raise SlowReader
        return await self._queue.get()


class Hub:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._watching: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="event-hub")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def watch(self, run_id: str) -> AsyncIterator[Subscription]:
        """Events of one run from now on. Read the log after entering, and nothing falls between."""
        name, subscription = channel(run_id), Subscription()
        self._watching[name].add(subscription)
        with contextlib.suppress(RedisError, OSError):  # the loop below subscribes again when Redis is back
            await self._pubsub.subscribe(name)
        self._changed.set()  # only now: the loop may not listen on a connection that is not there yet
        try:
            yield subscription
        finally:
            self._watching[name].discard(subscription)
            if not self._watching[name]:
                del self._watching[name]
                with contextlib.suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(name)

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                _log.warning("event_hub_reconnects", error=type(error).__name__)
                await asyncio.sleep(0.3)
                await self._subscribe_again()

    async def _listen(self) -> None:
        while True:
            if getattr(self._pubsub, "connection", None) is None:
                raise RedisConnectionError("the subscription has no connection")
            message = await self._pubsub.get_message(timeout=30)
            if message is None:
                if not self._pubsub.subscribed:
                    self._changed.clear()
                    return
                continue
            self._deliver(message["channel"], message["data"])

    def _deliver(self, name: str, data: str) -> None:
        for line in data.split("\n"):
            n, event_id, text = line.split(" ", 2)
            event = LoggedEvent(int(n), event_id, text)
            for subscription in self._watching.get(name, ()):
                subscription.put(event)

    async def _subscribe_again(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
            if self._watching:
                await self._pubsub.subscribe(*self._watching)
            for subscriptions in self._watching.values():
                for subscription in subscriptions:
                    subscription.put(None)
