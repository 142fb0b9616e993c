"""Numbers for Prometheus: what a process counts of its own work, and the address at which a worker tells them."""

import asyncio
import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from agents_backend.settings import WorkerSettings

STREAMS_OPEN = Gauge("http_streams_open", "Server-sent event streams that are open now")
DATABASE_CONNECTIONS = Gauge("database_connections_in_use", "Connections of the pool that are at work now")
ACTIVITY_SECONDS = Histogram(
    "activity_duration_seconds",
    "Time of one attempt of an activity",
    ["activity", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)
MODEL_CALLS = Counter("model_calls_total", "Attempts to call a model", ["model", "outcome"])
MODEL_TOKENS = Counter("model_tokens_total", "Tokens of the calls that ended well", ["model", "kind"])
MODEL_COST = Counter("model_cost_dollars_total", "Their cost by the price table, in US dollars", ["model"])
TOOL_CALLS = Counter("tool_calls_total", "Attempts to call a tool", ["tool", "outcome"])
SPEECH_SECONDS = Histogram(
    "speech_duration_seconds",
    "Time that a provider took to speak a text",
    ["provider"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

_ALIVE_SECONDS = 2.0
_SCRAPE_SECONDS = 2.0


@contextmanager
def worker_metrics(settings: WorkerSettings) -> Iterator[None]:
    """Tell a worker's numbers, and those of the Temporal SDK, at `/metrics`; whether its loop turns, at `/health/live`.

    Enter it in the worker's loop, before the first connection to Temporal. With port 0 it only sends the SDK's own log
    lines through Python's logging.

    Raises:
        OSError: the port is taken.
    """
    if settings.metrics_port == 0:
        Runtime.set_default(_runtime(None), error_if_already_set=False)
        yield
        return
    sdk_address = f"127.0.0.1:{_free_port()}"
    Runtime.set_default(_runtime(sdk_address), error_if_already_set=False)
    server = _Server((settings.metrics_host, settings.metrics_port), asyncio.get_running_loop(), sdk_address)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _runtime(sdk_address: str | None) -> Runtime:
    metrics = sdk_address and PrometheusConfig(
        bind_address=sdk_address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    levels = TelemetryFilter(core_level="WARN", other_level="ERROR")
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporal"))
    return Runtime(
        telemetry=TelemetryConfig(metrics=metrics or None, logging=LoggingConfig(filter=levels, forwarding=forwarding))
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], loop: asyncio.AbstractEventLoop, sdk_address: str) -> None:
        super().__init__(address, _Handler)
        self.loop, self.sdk_address = loop, sdk_address

    def is_alive(self) -> bool:
        """Whether the worker's loop answers within 2 s."""
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop).result(_ALIVE_SECONDS)
        except (TimeoutError, RuntimeError):
            return False
        return True

    def sdk_metrics(self) -> bytes:
        try:
            with urllib.request.urlopen(  # our own loopback address
                f"http://{self.sdk_address}/metrics", timeout=_SCRAPE_SECONDS
            ) as answer:
                found: bytes = answer.read()
        except (urllib.error.URLError, OSError):
            return b""
        return found


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:  # the standard library's name
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(200, generate_latest() + self.server.sdk_metrics(), CONTENT_TYPE_LATEST)
            case "/health/live":
                alive = self.server.is_alive()
                self._answer(200 if alive else 503, b"alive\n" if alive else b"the loop does not answer\n")
            case _:
                self._answer(404, b"not found\n")

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Scrapes and probes are no news."""
