"""Departments."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from agents_backend.db.depts import DeptFilter
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
from agents_backend.domain.trees import nest
from api.dependencies import DeptsOf, IdempotencyKey, requires
from api.openapi import errors
from api.schemas.depts import CreateDeptBody, DeptNode, DeptView, UpdateDeptBody
from api.schemas.fields import Flag, Id, Search

router = APIRouter(
    prefix="/admin/sys/depts", tags=["departments"], responses=errors(Unauthenticated, Forbidden, Unavailable)
)
MayList = Depends(requires("sys:dept:list"))


@router.get(
    "",
    response_model=list[DeptNode],
    summary="The departments, as a tree",
    responses=errors(Invalid),
    dependencies=[MayList],
)
async def list_depts(depts: DeptsOf, name: Search = None, is_enabled: Flag = None) -> list[dict[str, Any]]:
    return nest(await depts.list(DeptFilter(name, is_enabled)))


@router.get("/{dept_id}", summary="A department", responses=errors(Invalid, NotFound), dependencies=[MayList])
async def get_dept(dept_id: Id, depts: DeptsOf) -> DeptView:
    return DeptView.model_validate(await depts.get(dept_id))


@router.post("", status_code=201, summary="Add a department", responses=errors(Invalid, Conflict, IdempotencyMismatch))
async def create_dept(
    body: CreateDeptBody,
    user: Annotated[Principal, Depends(requires("sys:dept:add"))],
    depts: DeptsOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> DeptView:
    made = DeptView.model_validate(await depts.create(body.new(), user, idempotency_key))
    response.headers["Location"] = f"/api/v1/admin/sys/depts/{made.id}"
    return made


@router.put(
    "/{dept_id}",
    summary="Change a department",
    responses=errors(Invalid, NotFound, Conflict),
    dependencies=[Depends(requires("sys:dept:edit"))],
)
async def update_dept(dept_id: Id, body: UpdateDeptBody, depts: DeptsOf) -> DeptView:
    return DeptView.model_validate(await depts.update(dept_id, body.change()))


@router.delete(
    "/{dept_id}",
    status_code=204,
    summary="Delete an empty department",
    responses=errors(Invalid, NotFound, Conflict),
    dependencies=[Depends(requires("sys:dept:delete"))],
)
async def delete_dept(dept_id: Id, depts: DeptsOf) -> None:
    await depts.delete(dept_id)
