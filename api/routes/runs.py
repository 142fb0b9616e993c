"""Runs: look, rejoin, cancel, answer."""

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from agents_backend.db.tables.runs import Artifact
from agents_backend.domain.errors import Conflict, Invalid, NotFound, TooMany, Unauthenticated, Unavailable
from agents_backend.domain.runs import RunStatus
from agents_backend.services.runs import StartedRun
from agents_backend.settings import Settings
from api.dependencies import ArtifactsOf, CurrentUser, RunsOf, SseOf
from api.openapi import errors, event_stream
from api.schemas.pages import Number, Page, Size
from api.schemas.runs import ResumeBody, RunView

Text = Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")]
router = APIRouter(tags=["runs"], responses=errors(Invalid, Unauthenticated, NotFound, Unavailable))


def view_of(found: StartedRun, request: Request, made: Sequence[Artifact] = ()) -> RunView:
    settings: Settings = request.app.state.services.settings
    return RunView.of(
        found.run,
        found.thread_id,
        ui_url=settings.temporal.ui_url,
        namespace=settings.temporal.namespace,
        artifacts=made,
    )


@router.get("/agent/runs", summary="List one's runs, newest first")
async def list_runs(
    user: CurrentUser,
    runs: RunsOf,
    artifacts: ArtifactsOf,
    request: Request,
    page: Number = 1,
    size: Size = 20,
    status: RunStatus | None = None,
    kind: Text = None,
    agent_name: Text = None,
    thread_id: Text = None,
) -> Page[RunView]:
    given = {"status": status, "kind": kind, "agent_name": agent_name, "thread_id": thread_id}
    filters = {name: value for name, value in given.items() if value is not None}
    found, total = await runs.list(user.user_id, page=page, size=size, filters=filters)
    made = await artifacts.of_runs([item.run.id for item in found])
    return Page(items=[view_of(item, request, made[item.run.id]) for item in found], total=total, page=page, size=size)


@router.get("/agent/runs/{run_id}", summary="A run: status, usage, error, timings, artifacts")
async def get_run(
    run_id: uuid.UUID, user: CurrentUser, runs: RunsOf, artifacts: ArtifactsOf, request: Request
) -> RunView:
    found = await runs.get(run_id, user.user_id)
    return view_of(found, request, (await artifacts.of_runs([run_id]))[run_id])


@router.get(
    "/agent/runs/{run_id}/stream",
    summary="Rejoin a run's stream",
    response_class=StreamingResponse,
    responses={**event_stream(), **errors(TooMany)},
)
async def join_run(
    run_id: uuid.UUID,
    user: CurrentUser,
    runs: RunsOf,
    sse: SseOf,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    sse.admit()
    return sse.stream(await runs.get(run_id, user.user_id), last_event_id)


@router.post("/agent/runs/{run_id}/cancel", summary="Cancel a run; what was written is kept")
async def cancel_run(run_id: uuid.UUID, user: CurrentUser, runs: RunsOf, request: Request) -> RunView:
    return view_of(await runs.cancel(run_id, user.user_id), request)


@router.post("/agent/runs/{run_id}/resume", summary="Answer a waiting run", responses=errors(Conflict))
async def resume_run(run_id: uuid.UUID, body: ResumeBody, user: CurrentUser, runs: RunsOf, request: Request) -> RunView:
    return view_of(await runs.resume(run_id, user.user_id, body.model_dump(exclude_none=True)), request)
