"""Counts of failed sign-ins in Redis, kept by scripts so that a parallel burst counts as a sequence does.

An attempt is admitted before its password is compared and settled after. While as many are open as could still fail before
a limit is reached, the next one waits: so no burst gets more guesses than one after the other would.

The account by itself never locks, or a stranger could lock its owner out: it asks for a captcha. What locks is the pair of
account and address, and the address. Keys: `login:<kind>:<name>` counts failures for a window, `…:open` what is being compared.
"""

import hashlib
import ipaddress
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.asyncio import Redis

from agents_backend.settings import AuthSettings

FREE_FAILURES = 3
# An attempt takes a fraction of a second; what a dead process left open is forgotten after this.
_OPEN_SECONDS = 10

_ADMIT = """
local limits, free = {tonumber(ARGV[1]), tonumber(ARGV[2])}, tonumber(ARGV[3])
local with_captcha, reserve = ARGV[4] == '1', ARGV[5] == '1'
local function count(key) return tonumber(redis.call('GET', key) or '0') end
local state = 'go'
for i = 1, 2 do
  local failed = count(KEYS[i])
  if failed >= limits[i] then return {'locked', math.max(1, redis.call('TTL', KEYS[i]))} end
  if failed + count(KEYS[i] .. ':open') >= limits[i] then state = 'wait' end
end
if not with_captcha then
  for i = 2, 3 do
    local failed = count(KEYS[i])
    if failed >= free then return {'captcha', 0} end
    if failed + count(KEYS[i] .. ':open') >= free then state = 'wait' end
  end
end
if state == 'go' and reserve then
  for i = 1, 3 do
    redis.call('INCR', KEYS[i] .. ':open')
    redis.call('EXPIRE', KEYS[i] .. ':open', ARGV[6])
  end
end
return {state, 0}
"""
_SETTLE = """
for i = 1, 3 do
  local open = KEYS[i] .. ':open'
  if ARGV[3] == '1' and tonumber(redis.call('GET', open) or '0') > 0 then redis.call('DECR', open) end
  if ARGV[1] == 'failed' then
    redis.call('INCR', KEYS[i])
    redis.call('EXPIRE', KEYS[i], ARGV[2], 'NX')
  elseif ARGV[1] == 'succeeded' and i ~= 2 then
    redis.call('DEL', KEYS[i])
  end
end
return 1
"""

State = Literal["go", "wait", "locked", "captcha"]
Outcome = Literal["failed", "succeeded", "withdrawn"]


@dataclass(frozen=True)
class Admission:
    state: State
    retry_after: int = 0


class LoginLimits:
    def __init__(self, redis: Redis, settings: AuthSettings, *, free_failures: int = FREE_FAILURES) -> None:
        self._settings, self._free = settings, free_failures
        self._admit, self._settle = redis.register_script(_ADMIT), redis.register_script(_SETTLE)

    async def look(self, username: str, address: str, *, with_captcha: bool) -> Admission:
        """What would be said to an attempt now; nothing is reserved."""
        return await self._ask(username, address, with_captcha=with_captcha, reserve=False)

    async def admit(self, username: str, address: str, *, with_captcha: bool) -> Admission:
        """Reserve an attempt: `go`, to be settled; `wait` while others are open; or why not."""
        return await self._ask(username, address, with_captcha=with_captcha, reserve=True)

    async def _ask(self, username: str, address: str, *, with_captcha: bool, reserve: bool) -> Admission:
        limits = (self._settings.login_attempts, self._settings.login_attempts_per_address)
        arguments = [*limits, self._free, int(with_captcha), int(reserve), _OPEN_SECONDS]
        answer = await cast("Awaitable[Any]", self._admit(_keys(username, address), arguments))
        return Admission(cast("State", answer[0]), int(answer[1]))

    async def settle(self, username: str, address: str, outcome: Outcome) -> None:
        """What became of an admitted attempt; success forgets the failures of the account, not those of the address."""
        await self._count(username, address, outcome, was_admitted=True)

    async def fail(self, username: str, address: str) -> None:
        """Count a failure of an attempt that was not admitted: a wrong captcha."""
        await self._count(username, address, "failed", was_admitted=False)

    async def _count(self, username: str, address: str, outcome: Outcome, *, was_admitted: bool) -> None:
        arguments = [outcome, self._settings.login_window_seconds, int(was_admitted)]
        await cast("Awaitable[Any]", self._settle(_keys(username, address), arguments))


def _keys(username: str, address: str) -> list[str]:
    account, place = hashlib.sha256(username.lower().encode()).hexdigest(), _place(address)
    return [f"login:pair:{account}:{place}", f"login:address:{place}", f"login:account:{account}"]


def _place(address: str) -> str:
    """One customer of a provider: the address, or the /64 that an IPv6 host can choose its addresses from."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return hashlib.sha256(address.encode()).hexdigest()
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)
