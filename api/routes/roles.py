"""Roles and their menus."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from agents_backend.db.lists import Slice
from agents_backend.db.roles import SORTABLE, RoleFilter
from agents_backend.domain.errors import (
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from agents_backend.domain.principals import Principal
from api.dependencies import IdempotencyKey, RolesOf, requires
from api.openapi import errors
from api.schemas.fields import Flag, Id, Search, sorting
from api.schemas.menus import MenuView
from api.schemas.pages import Number, Page, Size, listed
from api.schemas.roles import CreateRoleBody, RoleChoice, RoleMenusBody, RoleView, UpdateRoleBody

router = APIRouter(prefix="/admin/sys/roles", tags=["roles"], responses=errors(Unauthenticated, Forbidden, Unavailable))
MayList = Depends(requires("sys:role:list"))
SORTS = sorting(*SORTABLE)


@router.get("", response_model=Page[RoleView], summary="List roles", responses=errors(Invalid), dependencies=[MayList])
async def list_roles(
    roles: RolesOf,
    page: Number = 1,
    size: Size = 20,
    sort: Annotated[str, SORTS] = "id",
    name: Search = None,
    is_enabled: Flag = None,
) -> dict[str, Any]:
    part = Slice(page, size, sort)
    return listed(await roles.list(RoleFilter(name, is_enabled), part), part)


@router.get("/all", summary="All roles by name, to choose from", dependencies=[MayList])
async def list_all_roles(roles: RolesOf) -> list[RoleChoice]:
    return [RoleChoice(**row) for row in await roles.every()]


@router.get("/{role_id}", summary="A role", responses=errors(Invalid, NotFound), dependencies=[MayList])
async def get_role(role_id: Id, roles: RolesOf) -> RoleView:
    return RoleView.model_validate(await roles.get(role_id))


@router.post("", status_code=201, summary="Add a role", responses=errors(Invalid, Conflict, IdempotencyMismatch))
async def create_role(
    body: CreateRoleBody,
    user: Annotated[Principal, Depends(requires("sys:role:add"))],
    roles: RolesOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RoleView:
    made = RoleView.model_validate(await roles.create(body.new(), user, idempotency_key))
    response.headers["Location"] = f"/api/v1/admin/sys/roles/{made.id}"
    return made


@router.put("/{role_id}", summary="Change a role", responses=errors(Invalid, NotFound, Conflict))
async def update_role(
    role_id: Id, body: UpdateRoleBody, user: Annotated[Principal, Depends(requires("sys:role:edit"))], roles: RolesOf
) -> RoleView:
    return RoleView.model_validate(await roles.update(role_id, body.change(), user))


@router.delete(
    "/{role_id}",
    status_code=204,
    summary="Delete a role that nobody has",
    responses=errors(Invalid, NotFound, Conflict),
)
async def delete_role(
    role_id: Id, user: Annotated[Principal, Depends(requires("sys:role:delete"))], roles: RolesOf
) -> None:
    await roles.delete(role_id, user)


@router.get("/{role_id}/menus", summary="A role's menus", responses=errors(Invalid, NotFound), dependencies=[MayList])
async def list_role_menus(role_id: Id, roles: RolesOf) -> list[MenuView]:
    return [MenuView.model_validate(menu) for menu in await roles.menus(role_id)]


@router.put("/{role_id}/menus", summary="Set a role's menus", responses=errors(Invalid, NotFound, Conflict))
async def set_role_menus(
    role_id: Id, body: RoleMenusBody, user: Annotated[Principal, Depends(requires("sys:role:grant"))], roles: RolesOf
) -> list[MenuView]:
    return [MenuView.model_validate(menu) for menu in await roles.set_menus(role_id, frozenset(body.menu_ids), user)]
