"""Artifacts: the files of runs."""

import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from agents_backend.db.tables.runs import Artifact
from agents_backend.domain.errors import Invalid, NotFound, Unauthenticated, Unavailable
from agents_backend.services.artifacts import RangeNotSatisfiable
from api import files
from api.dependencies import ArtifactsOf, CurrentUser
from api.openapi import errors
from api.schemas.artifacts import LinkView

router = APIRouter(tags=["artifacts"])
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}},
    206: {"description": "a range"},
    304: {"description": "unchanged"},
}


async def _answer(request: Request, artifacts: ArtifactsOf, artifact: Artifact) -> Response:
    tag = files.etag(artifact.sha256)
    if files.is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    opened = await artifacts.open(artifact, wanted=files.wanted_range(request, tag))
    return files.file_response(opened, inline=request.query_params.get("inline") == "true")


@router.get(
    "/agent/runs/{run_id}/artifacts/{name}",
    summary="Download a run's file, or a range of it",
    response_class=StreamingResponse,
    responses={**_FILE, **errors(Invalid, Unauthenticated, NotFound, RangeNotSatisfiable, Unavailable)},
)
async def get_artifact(
    run_id: uuid.UUID, name: str, user: CurrentUser, artifacts: ArtifactsOf, request: Request
) -> Response:
    return await _answer(request, artifacts, await artifacts.get(run_id, name, user.user_id))


@router.post(
    "/agent/runs/{run_id}/artifacts/{name}/link",
    summary="A link that opens the file for a while without signing in",
    responses=errors(Invalid, Unauthenticated, NotFound, Unavailable),
)
async def link_artifact(run_id: uuid.UUID, name: str, user: CurrentUser, artifacts: ArtifactsOf) -> LinkView:
    link = await artifacts.link(await artifacts.get(run_id, name, user.user_id))
    return LinkView.of(link, artifacts.link_seconds)


@router.get(
    "/agent/artifacts/{token}",
    summary="Open a signed link",
    response_class=StreamingResponse,
    responses={**_FILE, **errors(Invalid, NotFound, RangeNotSatisfiable, Unavailable)},
)
async def open_link(token: str, artifacts: ArtifactsOf, request: Request) -> Response:
    return await _answer(request, artifacts, await artifacts.by_link(token))
