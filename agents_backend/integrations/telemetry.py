"""Logs: structured, correlated by request, run and trace, without secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from temporalio import activity, workflow

from agents_backend.integrations.scrubbing import Scrubber
from agents_backend.settings import Settings

Event = MutableMapping[str, Any]
_CHATTY = ("httpx", "httpx2", "httpcore", "uvicorn.access")


def request_id() -> str:
    """The id of the request that this task serves, or an empty string."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class Redact:
    """The processor that hides secrets in every field of a line, the traceback included."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber

    def __call__(self, _: Any, __: str, event: Event) -> Event:
        return {key: self._scrubber.field(key, value) for key, value in event.items()}


def _one_line(_: Any, __: str, event: Event) -> Event:
    # A line break that came with a request must not look like another log line.
    return {
        key: value.replace("\r", "\\r").replace("\n", "\\n") if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }


def _trace(_: Any, __: str, event: Event) -> Event:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"], event["span_id"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return event


def _plain(_: Any, __: str, event: Event) -> Event:
    # The SDK repeats in these what the context variables say already.
    for name in ("temporal_activity", "temporal_workflow", "temporal_log", "__temporal_error_identifier"):
        event.pop(name, None)
    return event


def configure_logging(settings: Settings) -> None:
    """Send structlog's and the standard library's records to stderr, one format for both."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.log_format == "json"
    render: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    last: list[Any] = [structlog.processors.format_exc_info, Redact(Scrubber.of(settings)), _one_line, render]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _plain],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    if settings.log_level != "DEBUG":  # a line for each call to a vendor, with its URL
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
    # The SDK would write into the text what the fields say already.
    activity.logger.activity_info_on_message = workflow.logger.workflow_info_on_message = False
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
