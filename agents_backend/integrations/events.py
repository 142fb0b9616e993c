"""The event log: one Redis stream a run, written exactly once in order, and read by every API process.

A writer is one step of a run (`<step>`), an attempt of it, and an offset within it. One Lua script appends a batch atomically:
it refuses a lower attempt (a worker that was thought dead), passes over what it has already (a repeated call), numbers the
events of the run without a gap, and publishes them to whoever watches. A reader that finds a gap in the numbers knows that
Redis lost something, and says so.

Keys: `events:{run}` the stream (fields `n`, `e`), `events:{run}:state` the hash of counters, channel `events:{run}`.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents_backend.domain.errors import Conflict, Unavailable

KEPT_SECONDS = 24 * 3600
OPEN_SECONDS = 40 * 24 * 3600
_PAGE = 500

_APPEND = """
local stream, state = KEYS[1], KEYS[2]
local writer, attempt, offset, open, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local seen = redis.call('HMGET', state, 'a:' .. writer, 'o:' .. writer)
local known, last = tonumber(seen[1] or 0), tonumber(seen[2] or 0)
if known > attempt then return {-1} end
if known < attempt then last = 0 end
local out, written = {}, 0
for i = 6, #ARGV do
  local at = offset + i - 5
  if at > last then
    local n = redis.call('HINCRBY', state, 'n', 1)
    local id = redis.call('XADD', stream, '*', 'n', n, 'e', ARGV[i])
    out[#out + 1] = n .. ' ' .. id .. ' ' .. ARGV[i]
    last = at
    written = written + 1
  end
end
redis.call('HSET', state, 'a:' .. writer, attempt, 'o:' .. writer, last, 'open:' .. writer, open)
redis.call('EXPIRE', stream, ttl)
redis.call('EXPIRE', state, ttl)
if written > 0 then redis.call('PUBLISH', stream, table.concat(out, '\\n')) end
return {written}
"""

_TAKE_OVER = """
local state, writer, attempt = KEYS[1], ARGV[1], tonumber(ARGV[2])
local seen = redis.call('HMGET', state, 'a:' .. writer, 'open:' .. writer)
local known = tonumber(seen[1] or 0)
if known > attempt then return -1 end
if known < attempt then
  redis.call('HSET', state, 'a:' .. writer, attempt, 'o:' .. writer, 0)
  redis.call('EXPIRE', state, tonumber(ARGV[3]))
end
return seen[2] or '[]'
"""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event as it stands in the log.

    Attributes:
        n: its number within the run, from 1, without gaps as long as Redis lost nothing.
        id: the stream's id, strictly increasing: the SSE id.
        data: the AG-UI event as JSON.
    """

    n: int
    id: str
    data: str


class WriterFenced(Conflict):
    """A later attempt of the same step writes now; this one must stop."""

    code = "WRITER_FENCED"


def channel(run_id: str) -> str:
    return f"events:{{{run_id}}}"


class EventLog:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._append = redis.register_script(_APPEND)
        self._take_over = redis.register_script(_TAKE_OVER)

    async def append(
        self,
        run_id: str,
        events: Sequence[str],
        *,
        writer: str,
        attempt: int = 1,
        offset: int = 0,
        open_items: Sequence[dict[str, Any]] = (),
        ended: bool = False,
    ) -> None:
        """Append a batch that begins at `offset` of this writer. Calling it again with the same batch changes nothing.

        Raises:
            WriterFenced: a later attempt of this writer has begun.
            Unavailable: Redis cannot be reached; the batch may be sent again.
        """
        key = channel(run_id)
        args: list[Any] = [
            writer,
            attempt,
            offset,
            json.dumps(list(open_items)),
            KEPT_SECONDS if ended else OPEN_SECONDS,
            *events,
        ]
        try:
            result = await self._append(keys=[key, f"{key}:state"], args=args)
        except (RedisError, OSError) as error:
            raise Unavailable("The event log is not available now.", retry_after=1) from error
        if result[0] == -1:
            raise WriterFenced("A later attempt of this step has taken over.")

    async def take_over(self, run_id: str, *, writer: str, attempt: int) -> list[dict[str, Any]]:
        """Fence every earlier attempt of this writer, and learn what they began and did not end: in one step.

        An attempt that was thought dead may still be writing: between a look and a fence it could begin something new.

        Raises:
            WriterFenced: a later attempt has begun. Unavailable: Redis cannot be reached.
        """
        key = channel(run_id)
        try:
            found = await self._take_over(keys=[f"{key}:state"], args=[writer, attempt, OPEN_SECONDS])
        except (RedisError, OSError) as error:
            raise Unavailable("The event log is not available now.", retry_after=1) from error
        if found == -1:
            raise WriterFenced("A later attempt of this step has taken over.")
        return cast("list[dict[str, Any]]", json.loads(found))

    async def read(self, run_id: str, *, after: str = "0-0") -> AsyncIterator[LoggedEvent]:
        """The events after an id, as far as there are any now.

        Raises:
            Unavailable: Redis cannot be reached.
        """
        while True:
            try:
                rows: list[Any] = list(await self._redis.xrange(channel(run_id), min=f"({after}", count=_PAGE) or ())
            except (RedisError, OSError) as error:
                raise Unavailable("The event log is not available now.", retry_after=1) from error
            for entry_id, fields in rows:
                after = entry_id
                yield LoggedEvent(int(fields["n"]), entry_id, fields["e"])
            if len(rows) < _PAGE:
                return

    async def first(self, run_id: str) -> LoggedEvent | None:
        """The oldest event that the log still has."""
        try:
            rows: list[Any] = list(await self._redis.xrange(channel(run_id), count=1) or ())
        except (RedisError, OSError) as error:
            raise Unavailable("The event log is not available now.", retry_after=1) from error
        return LoggedEvent(int(rows[0][1]["n"]), str(rows[0][0]), str(rows[0][1]["e"])) if rows else None

    async def delete(self, run_id: str) -> None:
        key = channel(run_id)
        await self._redis.delete(key, f"{key}:state")
