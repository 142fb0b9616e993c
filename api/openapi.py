"""What the OpenAPI document says beyond what FastAPI finds."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from agents_backend.domain.errors import (
    AgentsError,
    IdempotencyMismatch,
    InsufficientCredits,
    Invalid,
    StorageFull,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
)
from api.dependencies import Requires
from api.errors import status_of
from api.schemas.errors import ErrorView
from api.schemas.runs import RunView


def errors(*kinds: type[AgentsError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that can raise these errors."""
    codes: dict[int, list[str]] = {}
    for kind in kinds:
        codes.setdefault(status_of(kind), []).append(kind.code)
    return {status: {"model": ErrorView, "description": " or ".join(names)} for status, names in codes.items()}


def made_by_a_run() -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route whose request waits for what a run makes, beside what it makes."""
    return {
        202: {"model": RunView, "description": "with `Prefer: respond-async`: the run"},
        **errors(
            Invalid,
            TooLarge,
            Unauthenticated,
            InsufficientCredits,
            IdempotencyMismatch,
            TooMany,
            StorageFull,
            Unavailable,
            UpstreamFailed,
            UpstreamTimeout,
        ),
    }


def event_stream() -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that streams AG-UI events."""
    # OpenAPI 3.2's way, which FastAPI takes too: the schema is that of one frame.
    frame = {
        "type": "object",
        "description": "an AG-UI event",
        "required": ["id", "data"],
        "properties": {"id": {"type": "string"}, "data": {"type": "string", "contentMediaType": "application/json"}},
    }
    content = {"text/event-stream": {"itemSchema": frame}}
    return {200: {"description": "The run's events, to the end of its present leg", "content": content}}


def operation_id(route: APIRoute) -> str:
    """Stable: the name of the route's function."""
    return route.name


def permissions(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Path, method and permission of each route that names one."""
    for context in iter_route_contexts(app.routes):
        dependant, path = getattr(context, "dependant", None), getattr(context, "path_format", None)
        if dependant is None or path is None:
            continue
        for permission in _named(dependant):
            for method in context.methods or ():
                yield path, method.lower(), permission


def _named(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Requires):
            yield inner.call.permission
        yield from _named(inner)


def install(app: FastAPI) -> None:
    """Replace the document by one without 422: invalid input is a 400 here."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for path in made["paths"].values():
                for operation in path.values():
                    operation.get("responses", {}).pop("422", None)
            for path, method, permission in permissions(app):
                made["paths"][path][method]["x-permission"] = permission
            for name in ("HTTPValidationError", "ValidationError"):
                made.get("components", {}).get("schemas", {}).pop(name, None)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way
