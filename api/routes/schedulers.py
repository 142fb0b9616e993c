"""Schedulers: tasks at their times."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from agents_backend.domain.errors import (
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agents_backend.services import tasks
from agents_backend.services.scheduler_runs import FiredRun
from agents_backend.services.schedulers import Schedulers
from agents_backend.settings import Settings
from api.dependencies import CurrentUser, RequestContext, SchedulerRunsOf, SchedulersOf
from api.openapi import errors
from api.schemas.pages import Number, Page, Size
from api.schemas.schedulers import (
    BackfillBody,
    BackfillView,
    PreviewBody,
    PreviewView,
    SchedulerBody,
    SchedulerChange,
    SchedulerRunView,
    SchedulerView,
    SecretView,
    StatusBody,
    TaskView,
)

router = APIRouter(tags=["schedulers"], responses=errors(Invalid, Unauthenticated, Unavailable))
Flag = Annotated[bool | None, Query()]
Text = Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, Header(max_length=255)]


def _version(if_match: Annotated[str | None, Header(max_length=64)] = None) -> int | None:
    """The version that an If-Match names; `*` and none are any."""
    text = (if_match or "*").removeprefix("W/").strip('"')
    if text == "*":
        return None
    if not text.isdecimal():
        raise Invalid.field("if-match", "must be an ETag of this scheduler", where="header")
    return int(text)


Version = Annotated[int | None, Depends(_version)]


def _view(row: Any, response: Response) -> SchedulerView:
    response.headers["ETag"] = f'"{row.version}"'
    return SchedulerView.of(row, at=datetime.now(UTC))


def _run_view(found: FiredRun, request: Request) -> SchedulerRunView:
    settings: Settings = request.app.state.services.settings
    return SchedulerRunView.of(found, ui_url=settings.temporal.ui_url, namespace=settings.temporal.namespace)


@router.get("/task/registered", summary="The tasks that a scheduler may name, and their arguments")
async def list_registered_tasks(_: CurrentUser, page: Number = 1, size: Size = 20) -> Page[TaskView]:
    found = [TaskView.of(task) for task in tasks.TASKS.values()]
    return Page(items=found[(page - 1) * size : page * size], total=len(found), page=page, size=size)


@router.get(
    "/task/schedulers",
    summary="List one's schedulers, newest first; with `all`, everybody's (superusers)",
    responses=errors(Forbidden),
)
async def list_schedulers(
    user: CurrentUser,
    schedulers: SchedulersOf,
    page: Number = 1,
    size: Size = 20,
    name: Text = None,
    task: Text = None,
    enabled: Flag = None,
    all: Flag = None,  # noqa: A002  # the query's own word
) -> Page[SchedulerView]:
    given = {"name": name, "task": task, "enabled": enabled}
    filters = {name: value for name, value in given.items() if value is not None}
    found, total = await schedulers.list(user, page=page, size=size, filters=filters, everybody=bool(all))
    at = datetime.now(UTC)
    return Page(items=[SchedulerView.of(row, at=at) for row in found], total=total, page=page, size=size)


@router.post(
    "/task/schedulers",
    status_code=201,
    summary="Create a scheduler",
    responses=errors(Forbidden, IdempotencyMismatch, TooMany),
)
async def create_scheduler(
    body: SchedulerBody,
    user: CurrentUser,
    schedulers: SchedulersOf,
    response: Response,
    idempotency_key: Key = None,
) -> SchedulerView:
    row = await schedulers.create(user.user_id, body.values(), idempotency_key=idempotency_key)
    response.headers["Location"] = f"/api/v1/task/schedulers/{row.id}"
    return _view(row, response)


@router.post("/task/schedulers/preview", summary="The next times of a scheduler that is not saved; jitter left out")
async def preview_scheduler(body: PreviewBody, _: CurrentUser) -> PreviewView:
    return PreviewView(next_run_times=list(Schedulers.preview(body.values(), body.count)))


@router.get("/task/schedulers/{scheduler_id}", summary="A scheduler", responses=errors(NotFound))
async def get_scheduler(
    scheduler_id: uuid.UUID, user: CurrentUser, schedulers: SchedulersOf, response: Response
) -> SchedulerView:
    return _view(await schedulers.get(scheduler_id, user.user_id), response)


@router.put(
    "/task/schedulers/{scheduler_id}",
    summary="Change a scheduler",
    description="What is left out stays. With `If-Match: <ETag>` a change that somebody else made first is a 409; without "
    "it the last writer wins. A run that is under way goes on as it began.",
    responses=errors(Forbidden, NotFound, Conflict),
)
async def update_scheduler(
    scheduler_id: uuid.UUID,
    body: SchedulerChange,
    user: CurrentUser,
    schedulers: SchedulersOf,
    response: Response,
    version: Version,
) -> SchedulerView:
    return _view(await schedulers.update(scheduler_id, user.user_id, body.values(), version=version), response)


@router.put(
    "/task/schedulers/{scheduler_id}/status",
    summary="Turn a scheduler on or off; without a body, the other way round",
    responses=errors(NotFound),
)
async def set_scheduler_status(
    scheduler_id: uuid.UUID,
    user: CurrentUser,
    schedulers: SchedulersOf,
    response: Response,
    body: StatusBody | None = None,
) -> SchedulerView:
    return _view(await schedulers.enable(scheduler_id, user.user_id, enabled=body.enabled if body else None), response)


@router.delete(
    "/task/schedulers/{scheduler_id}",
    status_code=204,
    summary="Delete a scheduler; a run that is under way goes on to its end",
    responses=errors(NotFound),
)
async def delete_scheduler(scheduler_id: uuid.UUID, user: CurrentUser, schedulers: SchedulersOf) -> None:
    await schedulers.delete(scheduler_id, user.user_id)


@router.post(
    "/task/schedulers/{scheduler_id}/run",
    status_code=202,
    summary="Run a scheduler's task now, also when it is off, beside whatever runs",
    responses=errors(NotFound, IdempotencyMismatch, TooMany),
)
async def run_scheduler(
    scheduler_id: uuid.UUID,
    user: CurrentUser,
    context: RequestContext,
    runs: SchedulerRunsOf,
    request: Request,
    response: Response,
    idempotency_key: Key = None,
) -> SchedulerRunView:
    found = await runs.run_now(
        scheduler_id, user.user_id, idempotency_key=idempotency_key, request_id=context.request_id
    )
    response.headers["Location"] = f"/api/v1/task/schedulers/{scheduler_id}/runs"
    return _run_view(found, request)


@router.post(
    "/task/schedulers/{scheduler_id}/secret",
    summary="Make a new secret for a scheduler's signatures and tell it, once",
    description="Webhooks and `http_request` are signed as Standard Webhooks has it; the secret before this one is void.",
    responses=errors(NotFound),
)
async def renew_scheduler_secret(
    scheduler_id: uuid.UUID, user: CurrentUser, schedulers: SchedulersOf, response: Response
) -> SecretView:
    response.headers["Cache-Control"] = "no-store"
    return SecretView(secret=await schedulers.new_secret(scheduler_id, user.user_id))


@router.post(
    "/task/schedulers/{scheduler_id}/backfill",
    status_code=202,
    summary="Run what would have run in a range of time, its ends included",
    responses=errors(NotFound, Conflict),
)
async def backfill_scheduler(
    scheduler_id: uuid.UUID, body: BackfillBody, user: CurrentUser, runs: SchedulerRunsOf
) -> BackfillView:
    count = await runs.backfill(scheduler_id, user.user_id, body.start_time, body.end_time, body.overlap)
    return BackfillView(runs=count)


@router.get(
    "/task/schedulers/{scheduler_id}/runs",
    summary="What a scheduler's fires came to, newest first",
    responses=errors(NotFound),
)
async def list_scheduler_runs(
    scheduler_id: uuid.UUID,
    user: CurrentUser,
    runs: SchedulerRunsOf,
    request: Request,
    page: Number = 1,
    size: Size = 20,
    status: Text = None,
) -> Page[SchedulerRunView]:
    found, total = await runs.page(scheduler_id, user.user_id, page=page, size=size, status=status)
    return Page(items=[_run_view(item, request) for item in found], total=total, page=page, size=size)
