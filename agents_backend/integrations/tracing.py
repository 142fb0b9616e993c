"""Traces: one from the HTTP request through its workflow to every activity, exported over OTLP, without secrets.

The provider is the Temporal SDK's replay-safe one, in the API as in the workers: a workflow that is replayed tells its spans
once, under the same ids.
"""

from collections.abc import Sequence
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, ReplaySafeTracerProvider, create_tracer_provider

from agents_backend.integrations.scrubbing import Scrubber
from agents_backend.settings import Settings

_EXPORT_SECONDS = 5
# A query holds codes and signatures, and a traceback quotes what vendors answered.
_LEFT_OUT = frozenset({"url.query", "exception.stacktrace"})
_URLS = frozenset({"http.url", "http.target", "url.full"})


def configure_tracing(settings: Settings) -> ReplaySafeTracerProvider | None:
    """Export spans over OTLP when an endpoint is set; else do nothing. The caller shuts the provider down."""
    telemetry = settings.telemetry
    if telemetry.exporter_otlp_endpoint is None:
        return None
    # Baggage of a public request is not ours to carry into histories; its trace is.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    provider = create_tracer_provider(resource=Resource.create({"service.name": telemetry.service_name}))
    exporter = OTLPSpanExporter(
        endpoint=f"{telemetry.exporter_otlp_endpoint.rstrip('/')}/v1/traces",
        headers=telemetry.export_headers(),
        timeout=_EXPORT_SECONDS,
    )
    provider.add_span_processor(BatchSpanProcessor(CleanExporter(exporter, Scrubber.of(settings))))
    trace.set_tracer_provider(provider)
    return provider


def temporal_plugins() -> list[OpenTelemetryPlugin]:
    """What a Temporal client of this process needs to carry traces: nothing, where none are made."""
    is_on = isinstance(trace.get_tracer_provider(), ReplaySafeTracerProvider)
    return [OpenTelemetryPlugin(add_temporal_spans=True)] if is_on else []


class CleanExporter(SpanExporter):
    """Scrubs a span's name, attributes, events and status before another exporter sends them."""

    def __init__(self, inner: SpanExporter, scrubber: Scrubber) -> None:
        self._inner, self._scrubber = inner, scrubber

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([self._clean(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _clean(self, span: ReadableSpan) -> ReadableSpan:
        text = self._scrubber.text
        return ReadableSpan(
            name=text(span.name),
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes=self._attributes(span.attributes),
            events=[Event(event.name, self._attributes(event.attributes), event.timestamp) for event in span.events],
            links=span.links,
            kind=span.kind,
            status=Status(span.status.status_code, text(span.status.description or "") or None),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _attributes(self, given: Any) -> dict[str, Any]:
        kept = {name: value for name, value in (given or {}).items() if name not in _LEFT_OUT}
        for name in _URLS & kept.keys():
            kept[name] = str(kept[name]).partition("?")[0]
        return {name: self._scrubber.field(name, value) for name, value in kept.items()}
