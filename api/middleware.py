"""Pure ASGI middleware: nothing here buffers an answer, so streams stay streams."""

import re
import time
import uuid
from collections.abc import Mapping

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents_backend.domain.errors import TooLarge
from api.errors import response

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
_SECONDS = Histogram("http_request_duration_seconds", "Time to the end of the answer", ["method", "route"])
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TrailingSlash:
    """A path answers the same with and without its last slash, with no redirect."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self.app(scope, receive, send)


class RequestId:
    """Accepts or makes `X-Request-Id`, binds it to the logs, echoes it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        found = given if _ID.fullmatch(given) else uuid.uuid4().hex

        async def echo(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = found
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=found):
            await self.app(scope, receive, echo)


class Metrics:
    """Counts requests and their seconds by route template, never by raw path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            _REQUESTS.labels(method, route, str(status)).inc()
            _SECONDS.labels(method, route).observe(time.perf_counter() - started)


class BodyLimit:
    """Refuses a body over `limit` bytes: at once by its length, else where a chunked one passes the limit.

    `larger` are the limits of paths whose bodies are streams and not held in memory.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.limit = limit
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length, limit = Headers(scope=scope).get("content-length", ""), self.larger.get(scope["path"], self.limit)
        if length.isdecimal() and int(length) > limit:
            await response(TooLarge())(scope, receive, send)
            return
        seen, over, started = 0, False, False

        async def bounded() -> Message:
            nonlocal seen, over
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                over = True
                raise TooLarge
            return message

        async def watch(message: Message) -> None:
            nonlocal started
            if over and not started:
                return  # whatever the application made of the error; the answer is 413
            started = True
            await send(message)

        try:
            await self.app(scope, bounded, watch)
        except TooLarge:
            if started:
                raise
        if over and not started:
            await response(TooLarge())(scope, receive, send)
