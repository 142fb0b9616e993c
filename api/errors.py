"""Domain errors become HTTP here, in one table, and nowhere else."""

import math
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from agents_backend.domain import errors as domain
from agents_backend.integrations.telemetry import request_id
from agents_backend.services.artifacts import RangeNotSatisfiable

STATUS: dict[type[domain.AgentsError], int] = {
    domain.AgentsError: 500,
    domain.Invalid: 400,
    domain.TooLarge: 413,
    domain.UnsupportedMedia: 415,
    domain.Unauthenticated: 401,
    domain.Forbidden: 403,
    domain.InsufficientCredits: 402,
    domain.NotFound: 404,
    domain.Conflict: 409,
    domain.TooMany: 429,
    domain.Unavailable: 503,
    domain.UpstreamFailed: 502,
    domain.UpstreamTimeout: 504,
    domain.StorageFull: 507,
    RangeNotSatisfiable: 416,
}
_ROUTING = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_log = structlog.get_logger("api.errors")


def status_of(kind: type[domain.AgentsError]) -> int:
    """The HTTP status of an error class: its own, or its nearest ancestor's."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def body(detail: str, code: str, errors: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """The one error body."""
    found: dict[str, Any] = {"detail": detail, "code": code, "request_id": request_id()}
    return {**found, "errors": list(errors)} if errors else found


def response(error: domain.AgentsError) -> JSONResponse:
    """The answer for a domain error; also used by middleware, which stands outside of the handlers."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, domain.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        body(error.detail, error.code, error.errors), status_code=status_of(type(error)), headers=headers
    )


async def _on_domain(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, domain.AgentsError):
        raise error
    return response(error)


async def _on_validation(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    # Never `input` or `ctx`: they hold what the caller sent, passwords included.
    found = [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()]
    return response(domain.Invalid(errors=found))


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _BAD_REQUEST:  # FastAPI's own, for a body that is not UTF-8 or nests too deep
        return response(domain.Invalid("The body cannot be read."))
    code = _ROUTING.get(error.status_code, HTTPStatus(error.status_code).name)
    phrase = HTTPStatus(error.status_code).phrase
    return JSONResponse(body(f"{phrase}.", code), status_code=error.status_code, headers=error.headers)


async def _on_unknown(_: Request, error: Exception) -> JSONResponse:
    _log.error("request failed", exc_info=error)
    return JSONResponse(body(domain.AgentsError.default_detail, "INTERNAL_ERROR"), status_code=_SERVER_ERROR)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(domain.AgentsError, _on_domain)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unknown)
