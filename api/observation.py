"""What the API tells of its requests: a log line each, the run in every line, streams that are open, a span by route."""

import re
import time

import structlog
from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents_backend.integrations.metrics import STREAMS_OPEN

_RUN = re.compile(r"/runs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")
_QUIET = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
_log = structlog.get_logger("api.requests")


class Observe:
    """Pure ASGI, and nothing is buffered. A request is a task of its own, so what is bound to its logs ends with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        watched = _Watched(scope, send)
        try:
            await self.app(scope, receive, watched.send)
        finally:
            watched.end()


class _Watched:
    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send, self._started = scope, send, time.perf_counter()
        self._status, self._streams = 500, False
        if found := _RUN.search(scope["path"]):
            structlog.contextvars.bind_contextvars(run_id=found[1])
        self._run_id = found[1] if found else None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, headers = message["status"], Headers(raw=message["headers"])
            if run_id := headers.get("x-run-id"):
                self._run_id = run_id
                structlog.contextvars.bind_contextvars(run_id=run_id)  # for what the stream itself logs
            if headers.get("content-type", "").startswith("text/event-stream"):
                self._streams = True
                STREAMS_OPEN.inc()
            self._name_span()
        await self._send(message)

    def _name_span(self) -> None:
        route, span = _template(self._scope), trace.get_current_span()
        if route and span.is_recording():
            span.update_name(f"{self._scope['method']} {route}")
            span.set_attributes({"http.route": route, **({"run.id": self._run_id} if self._run_id else {})})

    def end(self) -> None:
        scope = self._scope
        if self._streams:
            STREAMS_OPEN.dec()
        tell = _log.debug if scope["path"] in _QUIET else _log.info
        more = {"run_id": self._run_id} if self._run_id else {}
        milliseconds = round((time.perf_counter() - self._started) * 1000, 1)
        tell(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=self._status,
            milliseconds=milliseconds,
            **more,
        )


def _template(scope: Scope) -> str | None:
    """The route's whole path with its parameters' names; the route itself knows it without its router's prefix."""
    route: str | None = getattr(scope.get("route"), "path", None)
    if route is None:
        return None
    segments = scope["path"].split("/")
    return "/".join(segments[: len(segments) - route.count("/")]) + route
