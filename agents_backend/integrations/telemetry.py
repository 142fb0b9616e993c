"""Logs and traces: structured, correlated by request, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agents_backend.settings import Settings

_SECRET = re.compile(r"password|secret|authorization|cookie|api_?key|(access|refresh|id)_?token|^token$", re.IGNORECASE)
_EXPORT_SECONDS = 5


def request_id() -> str:
    """The id of the request that this task serves, or an empty string."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values by their field's name, at any depth."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if _SECRET.search(key):
        return "[redacted]"
    if isinstance(value, dict):
        return {name: _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return value


def _one_line(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # A line break that came with a request must not look like another log line.
    return {
        key: value.replace("\r", "\\r").replace("\n", "\\n") if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }


def configure_logging(settings: Settings) -> None:
    """Send structlog's and the standard library's records to stderr, one format for both."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.log_format == "json"
    render: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    last = [structlog.processors.format_exc_info] if as_json else []
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, redact, _one_line, render],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for client in ("httpx", "httpx2"):  # they log each address asked, and a user's address may hold a secret
        logging.getLogger(client).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def configure_tracing(settings: Settings) -> TracerProvider | None:
    """Export spans over OTLP when an endpoint is set; else do nothing. The caller shuts the provider down."""
    endpoint = settings.telemetry.exporter_otlp_endpoint
    if endpoint is None:
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": settings.telemetry.service_name}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider
