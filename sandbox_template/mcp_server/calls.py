"""Calls that happen once: whoever asks again with a call's id, after a lost connection or its own death, is given the one answer.

The id comes in the request's `_meta`. A call that has begun goes on without its caller; its answer is kept for a while, and a file
remembers that it began, so that a server that was started anew says so instead of beginning again.
"""

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import CallToolResult, TextContent

from .paths import Paths
from .sightings import READER, reader

CALL_ID = "agents-backend/call-id"
ONCE = "agents-backend/once"  # in a tool's own _meta: it understands call ids
MAX_KEPT = 500
_MARK_SECONDS = 86_400
INTERRUPTED = (
    "The sandbox was started anew after this call had begun: how far it came is not known, and it was not made again. "
    "Find out before you repeat it."
)


class Calls:
    """Middleware of the server."""

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.root / ".agents" / "calls"
        self._begun: OrderedDict[str, asyncio.Task[HandlerResult]] = OrderedDict()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        meta = ctx.meta or {}
        call_id, named = meta.get(CALL_ID), meta.get(READER)
        reader.set(named if isinstance(named, str) else "")
        if ctx.method != "tools/call" or not isinstance(call_id, str):
            return await call_next(ctx)
        key = hashlib.sha256(call_id.encode()).hexdigest()[:32]
        if key not in self._begun:
            if not self._mark(key):
                return CallToolResult(content=[TextContent(type="text", text=INTERRUPTED)], is_error=True)
            self._begun[key] = asyncio.create_task(_carried_out(ctx, call_next))
            self._forget()
        return await asyncio.shield(self._begun[key])

    def clear(self) -> None:
        """Put away the marks of long ago."""
        for mark in self._folder.glob("*"):
            with suppress(OSError):
                if mark.stat().st_mtime < time.time() - _MARK_SECONDS:
                    mark.unlink()

    def _mark(self, key: str) -> bool:
        """Remember that a call begins; False when it began before. On a full disk it goes on unremembered: it may free it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._folder / key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        except OSError:
            return True
        return True

    def _forget(self) -> None:
        ended = [key for key, task in self._begun.items() if task.done()]
        for key in ended[: max(0, len(self._begun) - MAX_KEPT)]:
            del self._begun[key]
            with suppress(OSError):
                (self._folder / key).unlink()


async def _carried_out(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    return await call_next(ctx)
