"""Whether sandboxes can be had now: the host, or E2B, is asked at most every few seconds, however many want to know."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from agents_backend.domain.errors import AgentsError
from agents_backend.integrations.sandboxes import Boxes

NO_SANDBOXES: Final = (
    "Sandboxes are not configured: set E2B_API_KEY, or start the embedded host with `agents-backend up`."
)
_KNOWN_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Reach:
    """`reason` is why they cannot be had, if they cannot."""

    is_configured: bool
    reason: str | None

    @property
    def is_reachable(self) -> bool:
        return self.reason is None


class SandboxReach:
    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes
        self._lock = asyncio.Lock()
        self._known, self._until = Reach(is_configured=False, reason=NO_SANDBOXES), 0.0

    async def look(self) -> Reach:
        if not self._boxes.are_configured:
            return self._known
        async with self._lock:
            if time.monotonic() > self._until:
                self._known = Reach(is_configured=True, reason=await self._reason())
                self._until = time.monotonic() + _KNOWN_SECONDS
            return self._known

    async def _reason(self) -> str | None:
        try:
            await self._boxes.ping()
        except AgentsError as error:
            return error.detail
        return None
