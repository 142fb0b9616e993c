"""The code generator."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from agents_backend.db.generator import SORTABLE, GeneratorFilter
from agents_backend.db.lists import Slice
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
from api.dependencies import GeneratorOf, IdempotencyKey, requires
from api.files import disposition
from api.openapi import errors
from api.schemas.fields import Id, Search, sorting
from api.schemas.generator import (
    BusinessView,
    CreateBusinessBody,
    ImportBusinessBody,
    LiveTableView,
    PreviewView,
    UpdateBusinessBody,
)
from api.schemas.pages import Number, Page, Size, listed

router = APIRouter(
    prefix="/admin/gen/business", tags=["generator"], responses=errors(Unauthenticated, Forbidden, Unavailable)
)
MayList = Depends(requires("gen:business:list"))
MayAdd = Annotated[Principal, Depends(requires("gen:business:add"))]
SORTS = sorting(*SORTABLE)
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "",
    response_model=Page[BusinessView],
    summary="List what code is generated for",
    responses=errors(Invalid),
    dependencies=[MayList],
)
async def list_business(
    generator: GeneratorOf,
    page: Number = 1,
    size: Size = 20,
    sort: Annotated[str, SORTS] = "id",
    table_name: Search = None,
    app_name: Search = None,
) -> dict[str, Any]:
    part = Slice(page, size, sort)
    return listed(await generator.list(GeneratorFilter(table_name, app_name), part), part)


@router.get("/tables", summary="The database's tables that could be imported", dependencies=[MayList])
async def list_business_tables(generator: GeneratorOf) -> list[LiveTableView]:
    return [LiveTableView(**row) for row in await generator.tables()]


@router.get("/{business_id}", summary="A description", responses=errors(Invalid, NotFound), dependencies=[MayList])
async def get_business(business_id: Id, generator: GeneratorOf) -> BusinessView:
    return BusinessView.model_validate(await generator.get(business_id))


@router.post("", status_code=201, summary="Describe a table", responses=errors(Invalid, Conflict, IdempotencyMismatch))
async def create_business(
    body: CreateBusinessBody,
    user: MayAdd,
    generator: GeneratorOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> BusinessView:
    made = BusinessView.model_validate(await generator.create(body.new(), user, idempotency_key))
    response.headers["Location"] = f"/api/v1/admin/gen/business/{made.id}"
    return made


@router.post(
    "/import",
    status_code=201,
    summary="Describe a table that stands in the database",
    responses=errors(Invalid, Conflict, IdempotencyMismatch),
)
async def import_business(
    body: ImportBusinessBody,
    user: MayAdd,
    generator: GeneratorOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> BusinessView:
    made = BusinessView.model_validate(await generator.create_from(body.wanted(), user, idempotency_key))
    response.headers["Location"] = f"/api/v1/admin/gen/business/{made.id}"
    return made


@router.put(
    "/{business_id}",
    summary="Change a description",
    responses=errors(Invalid, NotFound, Conflict),
    dependencies=[Depends(requires("gen:business:edit"))],
)
async def update_business(business_id: Id, body: UpdateBusinessBody, generator: GeneratorOf) -> BusinessView:
    return BusinessView.model_validate(await generator.update(business_id, body.change()))


@router.delete(
    "/{business_id}",
    status_code=204,
    summary="Forget a description",
    responses=errors(Invalid, NotFound),
    dependencies=[Depends(requires("gen:business:delete"))],
)
async def delete_business(business_id: Id, generator: GeneratorOf) -> None:
    await generator.delete(business_id)


@router.get(
    "/{business_id}/preview", summary="The files' text", responses=errors(Invalid, NotFound), dependencies=[MayList]
)
async def preview_business(business_id: Id, generator: GeneratorOf) -> PreviewView:
    return PreviewView(files=await generator.preview(business_id))


@router.post(
    "/{business_id}/generate",
    summary="The code as a zip, to unpack over a copy of the repository",
    response_class=Response,
    responses={**_ZIP, **errors(Invalid, NotFound)},
    dependencies=[Depends(requires("gen:business:generate"))],
)
async def generate_business(business_id: Id, generator: GeneratorOf) -> Response:
    made = await generator.generate(business_id)
    headers = {"Content-Disposition": disposition(made.name), "X-Content-Type-Options": "nosniff"}
    return Response(made.content, media_type="application/zip", headers=headers)
