"""Pure ASGI middleware: nothing here buffers an answer, so streams stay streams."""

import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents_backend.domain import audit
from agents_backend.domain.audit import Actor
from agents_backend.domain.errors import TooLarge
from agents_backend.domain.principals import Principal
from agents_backend.services.opera_logs import Operation
from api.dependencies import context_of
from api.errors import response

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
_SECONDS = Histogram("http_request_duration_seconds", "Time to the end of the answer", ["method", "route"])
_MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ADMIN = "/api/v1/admin/"
_TOLD_BYTES = 16_384
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


class TemporalUi:
    """Lets one page alone, the Temporal UI's, use the codec server from a browser, with the cookie of our sign-in."""

    def __init__(self, app: ASGIApp, *, origin: str, prefix: str) -> None:
        self.app, self._prefix = app, prefix
        self._shared = CORSMiddleware(
            app,
            allow_origins=[origin],
            allow_credentials=True,
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Type", "X-Namespace"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        theirs = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        await (self._shared if theirs else self.app)(scope, receive, send)


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


class _Watch:
    """Passes an answer on; knows its status, which is 500 until it begins."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class Metrics:
    """Counts requests and their seconds by route template, never by raw path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, watch = time.perf_counter(), _Watch(send)
        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            _REQUESTS.labels(method, route, str(watch.status)).inc()
            _SECONDS.labels(method, route).observe(time.perf_counter() - started)


class OperationLog:
    """Tells the operation log of each mutating request that a person made of a route for administrators.

    Those are the routes under /admin, and all that name a permission; a refusal is told like a success. A GET is told
    where it has changed something: the browser that a provider sends back links an account.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        started, watch, sent = time.perf_counter(), _Watch(send), bytearray()

        async def copied() -> Message:
            message = await receive()
            if len(sent) <= _TOLD_BYTES:
                sent.extend(message.get("body", b""))
            return message

        with audit.recording() as told:
            try:
                await self.app(scope, copied, watch)
            finally:
                who: Principal | Actor | None = state.get("principal", told.actor)
                is_write = scope["method"] in _MUTATING or told.changes
                if who and is_write and (scope["path"].startswith(_ADMIN) or "permission" in state):
                    seconds = time.perf_counter() - started
                    _tell(scope, who, watch.status, seconds, bytes(sent), told.changes)


def _tell(
    scope: Scope, who: Principal | Actor, status: int, seconds: float, sent: bytes, changes: list[dict[str, Any]]
) -> None:
    context, logs = context_of(Request(scope)), scope["app"].state.services.opera_logs
    logs.add(
        Operation(
            user_id=who.user_id,
            username=who.username,
            method=scope["method"],
            path=scope["path"],
            operation=getattr(scope.get("endpoint"), "__name__", ""),
            status=status,
            duration_ms=seconds * 1000,
            address=context.address,
            user_agent=context.user_agent,
            request_id=context.request_id,
            # What a provider sends a browser back with is a secret of theirs.
            query=scope.get("query_string", b"").decode("latin-1") if scope["method"] in _MUTATING else "",
            body=_json(sent, Headers(scope=scope).get("content-type", "")),
            changes=changes,
        )
    )


def _json(sent: bytes, content_type: str) -> Any:
    """What was sent, if it is JSON of a size that is told; else a word on it."""
    if not sent:
        return None
    if len(sent) > _TOLD_BYTES or not content_type.startswith("application/json"):
        return f"({content_type or 'something'}, {'more than ' if len(sent) > _TOLD_BYTES else ''}{len(sent)} bytes)"
    try:
        return json.loads(sent, parse_constant=str)
    except (ValueError, RecursionError):
        return "(not JSON)"


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
