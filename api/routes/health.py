"""Health, for people and for orchestrators; metrics."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents_backend.services.health import HealthService
from api.schemas.config import SandboxesView

router = APIRouter(tags=["health"])


def _body(status: str) -> dict[str, Any]:
    stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"status": status, "timestamp": stamp, "version": version("agents-backend"), "service": "agents-backend"}


async def _report(request: Request, **told: Any) -> JSONResponse:
    health: HealthService = request.app.state.services.health
    failing = await health.failing()
    if not failing:
        return JSONResponse({**_body("healthy"), **told})
    detail = f"Not available: {', '.join(failing)}."
    more = {"failing": list(failing), "detail": detail, "code": "SERVICE_UNAVAILABLE"}
    return JSONResponse({**_body("unhealthy"), **more, **told}, status_code=503)


@router.get("/health", summary="Whether this process and all that it needs are well")
async def health(request: Request) -> JSONResponse:
    """Without sandboxes the rest works: they are told of, and change nothing of the status."""
    reach = await request.app.state.services.sandbox_reach.look()
    return await _report(request, sandboxes=SandboxesView.of(reach).model_dump())


@router.get("/health/ready", summary="Whether this process can take requests")
async def health_ready(request: Request) -> JSONResponse:
    return await _report(request)


@router.get("/health/live", summary="Whether this process runs")
async def health_live() -> JSONResponse:
    return JSONResponse(_body("healthy"))


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
