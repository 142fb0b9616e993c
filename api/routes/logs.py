"""The logs of sign-ins and of operations."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from agents_backend.db.lists import Slice
from agents_backend.db.logs import LOGIN_SORTABLE, OPERA_SORTABLE, LogFilter
from agents_backend.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from api.dependencies import LogsOf, requires
from api.openapi import errors
from api.schemas.fields import Flag, Id, IdQuery, Search, When, sorting
from api.schemas.logs import LoginLogView, OperaLogView
from api.schemas.pages import Number, Page, Size, listed

router = APIRouter(
    prefix="/admin/log", tags=["logs"], responses=errors(Invalid, Unauthenticated, Forbidden, Unavailable)
)
Since = Annotated[When | None, Query(description="not before this time")]
Until = Annotated[When | None, Query(description="before this time")]
LongId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Ids = Annotated[list[Annotated[int, Query(ge=1, le=2**31 - 1)]], Query(max_length=500, default_factory=list)]
LongIds = Annotated[list[Annotated[int, Query(ge=1, le=2**63 - 1)]], Query(max_length=500, default_factory=list)]
Before = Annotated[When | None, Query(description="instead of ids: everything older than this")]


@router.get(
    "/login-logs",
    response_model=Page[LoginLogView],
    summary="List sign-ins, newest first",
    dependencies=[Depends(requires("log:login:list"))],
)
async def list_login_logs(
    logs: LogsOf,
    page: Number = 1,
    size: Size = 20,
    sort: Annotated[str, sorting(*LOGIN_SORTABLE)] = "-id",
    username: Search = None,
    user_id: IdQuery = None,
    succeeded: Flag = None,
    since: Since = None,
    until: Until = None,
) -> dict[str, Any]:
    wanted = LogFilter(username=username, user_id=user_id, succeeded=succeeded, since=since, until=until)
    part = Slice(page, size, sort)
    return listed(await logs.logins(wanted, part), part)


@router.delete(
    "/login-logs/{log_id}",
    status_code=204,
    summary="Delete an entry",
    responses=errors(NotFound),
    dependencies=[Depends(requires("log:login:delete"))],
)
async def delete_login_log(log_id: Id, logs: LogsOf) -> None:
    await logs.delete_login(log_id)


@router.delete(
    "/login-logs",
    status_code=204,
    summary="Delete several entries, or all before a time",
    dependencies=[Depends(requires("log:login:delete"))],
)
async def delete_login_logs(logs: LogsOf, ids: Ids, before: Before = None) -> None:
    await logs.delete_logins(frozenset(ids), before)


@router.get(
    "/opera-logs",
    response_model=Page[OperaLogView],
    summary="List operations, newest first",
    dependencies=[Depends(requires("log:opera:list"))],
)
async def list_opera_logs(
    logs: LogsOf,
    page: Number = 1,
    size: Size = 20,
    sort: Annotated[str, sorting(*OPERA_SORTABLE)] = "-id",
    username: Search = None,
    user_id: IdQuery = None,
    succeeded: Flag = None,
    status: Annotated[int | None, Query(ge=100, le=599)] = None,
    method: Literal["POST", "PUT", "PATCH", "DELETE"] | None = None,
    path: Search = None,
    since: Since = None,
    until: Until = None,
) -> dict[str, Any]:
    wanted = LogFilter(username, user_id, succeeded, status, method, path, since, until)
    part = Slice(page, size, sort)
    return listed(await logs.operations(wanted, part), part)


@router.delete(
    "/opera-logs/{log_id}",
    status_code=204,
    summary="Delete an entry",
    responses=errors(NotFound),
    dependencies=[Depends(requires("log:opera:delete"))],
)
async def delete_opera_log(log_id: LongId, logs: LogsOf) -> None:
    await logs.delete_operation(log_id)


@router.delete(
    "/opera-logs",
    status_code=204,
    summary="Delete several entries, or all before a time",
    dependencies=[Depends(requires("log:opera:delete"))],
)
async def delete_opera_logs(logs: LogsOf, ids: LongIds, before: Before = None) -> None:
    await logs.delete_operations(frozenset(ids), before)
