"""The application: its routes, its middleware, and what begins and ends with it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.middleware.cors import CORSMiddleware

from agents_backend.integrations.telemetry import configure_logging
from agents_backend.integrations.tracing import configure_tracing
from agents_backend.settings import Settings
from api import console, errors, openapi
from api.composition import Services, opened
from api.middleware import BodyLimit, Metrics, OperationLog, RequestId, TemporalUi, TrailingSlash
from api.observation import Observe
from api.routes import ROUTERS, health

FORM_BYTES = 100_000  # what a form may have around its file


def create_app(settings: Settings) -> FastAPI:
    """The application. Its connections open with its lifespan.

    Raises:
        ValueError: a needed setting is missing, or is unfit for production; the message names it.
    """
    if problems := (*settings.unfit_for_production(), *settings.missing()):
        raise ValueError("; ".join(problems))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(settings)
        tracing = configure_tracing(settings)
        await asyncio.to_thread(app.openapi)  # it takes a third of a second, which no request shall wait for
        async with opened(settings) as parts:
            app.state.services = Services(parts)
            gc.freeze()  # a full collection of all that was imported would hold the loop for 0.1 s, again and again
            yield
        if tracing is not None:
            tracing.shutdown()

    app: FastAPI = FastAPIOffline(
        title="Agents Backend",
        version=version("agents-backend"),
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    errors.install(app)
    openapi.install(app)
    app.include_router(health.router)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1")
    console.install(app)
    _middleware(app, settings)
    return app


def _middleware(app: FastAPI, settings: Settings) -> None:
    # The last one added is the outermost.
    app.add_middleware(OperationLog)
    uploads = {
        "/api/v1/agent/sandboxes/upload-file": settings.sandboxes.max_file_bytes,
        "/api/v1/agent/rag/resources": settings.rag.max_file_bytes + FORM_BYTES,
        "/api/v1/agent/files/upload": settings.files.max_bytes + FORM_BYTES,
    }
    app.add_middleware(BodyLimit, limit=settings.api.max_body_bytes, larger=uploads)
    app.add_middleware(TrailingSlash)
    app.add_middleware(Metrics)
    app.add_middleware(Observe)
    if settings.api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.api.cors_origins,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[
                "X-Request-Id",
                "X-Run-Id",
                "X-Thread-Id",
                "Location",
                "Content-Location",
                "Retry-After",
                "Content-Disposition",
                "Content-Range",
                "ETag",
            ],
            max_age=int(timedelta(hours=1).total_seconds()),
        )
    # Outside of the origins above, which may not ask for payloads.
    app.add_middleware(TemporalUi, origin=settings.temporal.ui_origin, prefix="/api/v1/admin/auth/payloads/")
    if settings.telemetry.exporter_otlp_endpoint:
        # One span for a request, not one more for each token that is sent.
        app.add_middleware(OpenTelemetryMiddleware, exclude_spans=["receive", "send"], excluded_urls="health,metrics")
    app.add_middleware(RequestId)
