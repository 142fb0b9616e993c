"""Menus, and the sidebar of whoever is signed in."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from agents_backend.db.menus import MenuFilter
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
from agents_backend.domain.rights import MenuType
from agents_backend.domain.trees import nest
from api.dependencies import CurrentUser, IdempotencyKey, MenusOf, requires
from api.openapi import errors
from api.schemas.fields import Flag, Id, Search
from api.schemas.menus import CreateMenuBody, MenuNode, MenuView, UpdateMenuBody

router = APIRouter(prefix="/admin/sys/menus", tags=["menus"], responses=errors(Unauthenticated, Unavailable))
MayList = Depends(requires("sys:menu:list"))


@router.get("/sidebar", response_model=list[MenuNode], summary="The pages that I may open, as a tree")
async def get_sidebar(user: CurrentUser, menus: MenusOf) -> list[dict[str, Any]]:
    return nest(await menus.sidebar(user))


@router.get(
    "",
    response_model=list[MenuNode],
    summary="The menus, as a tree",
    responses=errors(Invalid, Forbidden),
    dependencies=[MayList],
)
async def list_menus(
    menus: MenusOf,
    title: Search = None,
    kind: Annotated[MenuType | None, Query(alias="type")] = None,
    is_enabled: Flag = None,
) -> list[dict[str, Any]]:
    return nest(await menus.list(MenuFilter(title, kind, is_enabled)))


@router.get("/{menu_id}", summary="A menu", responses=errors(Invalid, Forbidden, NotFound), dependencies=[MayList])
async def get_menu(menu_id: Id, menus: MenusOf) -> MenuView:
    return MenuView.model_validate(await menus.get(menu_id))


@router.post(
    "", status_code=201, summary="Add a menu", responses=errors(Invalid, Forbidden, Conflict, IdempotencyMismatch)
)
async def create_menu(
    body: CreateMenuBody,
    user: Annotated[Principal, Depends(requires("sys:menu:add"))],
    menus: MenusOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> MenuView:
    made = MenuView.model_validate(await menus.create(body.new(), user, idempotency_key))
    response.headers["Location"] = f"/api/v1/admin/sys/menus/{made.id}"
    return made


@router.put("/{menu_id}", summary="Change a menu", responses=errors(Invalid, Forbidden, NotFound, Conflict))
async def update_menu(
    menu_id: Id, body: UpdateMenuBody, user: Annotated[Principal, Depends(requires("sys:menu:edit"))], menus: MenusOf
) -> MenuView:
    return MenuView.model_validate(await menus.update(menu_id, body.change(), user))


@router.delete(
    "/{menu_id}",
    status_code=204,
    summary="Delete a menu without children",
    responses=errors(Invalid, Forbidden, NotFound, Conflict),
)
async def delete_menu(
    menu_id: Id, user: Annotated[Principal, Depends(requires("sys:menu:delete"))], menus: MenusOf
) -> None:
    await menus.delete(menu_id, user)
