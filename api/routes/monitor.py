"""The state of the server and of Redis; who is signed in."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from agents_backend.db.lists import Slice
from agents_backend.db.sessions import SORTABLE, SessionFilter
from agents_backend.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from agents_backend.domain.principals import Principal
from api.dependencies import MonitorOf, SessionsOf, requires
from api.openapi import errors
from api.schemas.fields import IdQuery, Search, sorting
from api.schemas.monitor import RedisStateView, ServerStateView, SessionView
from api.schemas.pages import Number, Page, Size, listed

router = APIRouter(prefix="/admin/monitor", tags=["monitor"], responses=errors(Unauthenticated, Forbidden, Unavailable))


@router.get(
    "/server",
    summary="The machine, this process, Temporal's task queues",
    dependencies=[Depends(requires("monitor:server:view"))],
)
async def get_server_state(monitor: MonitorOf) -> ServerStateView:
    return ServerStateView.model_validate(await monitor.server())


@router.get("/redis", summary="The state of Redis", dependencies=[Depends(requires("monitor:redis:view"))])
async def get_redis_state(monitor: MonitorOf) -> RedisStateView:
    return RedisStateView.model_validate(await monitor.redis())


@router.get("/sessions", response_model=Page[SessionView], summary="List who is signed in", responses=errors(Invalid))
async def list_sessions(
    user: Annotated[Principal, Depends(requires("monitor:session:list"))],
    sessions: SessionsOf,
    page: Number = 1,
    size: Size = 20,
    sort: Annotated[str, sorting(*SORTABLE)] = "-refreshed_at",
    keyword: Search = None,
    user_id: IdQuery = None,
) -> dict[str, Any]:
    part = Slice(page, size, sort)
    return listed(await sessions.list(user, SessionFilter(keyword, user_id), part), part)


@router.delete(
    "/sessions/{session_id}", status_code=204, summary="Sign somebody out", responses=errors(Invalid, NotFound)
)
async def end_session(
    session_id: uuid.UUID,
    user: Annotated[Principal, Depends(requires("monitor:session:delete"))],
    sessions: SessionsOf,
) -> None:
    await sessions.end(session_id, user)
