"""Documents that agents retrieve from."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from agents_backend.domain.errors import (
    AddressRefused,
    Conflict,
    IdempotencyMismatch,
    InsufficientCredits,
    Invalid,
    NotFound,
    StorageFull,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from api.dependencies import CurrentUser, DeliveriesOf, IdempotencyKey, RequestContext, ResourcesOf, RetrievalOf
from api.documents import BODY, answer, read_document
from api.openapi import errors
from api.schemas.fields import Search
from api.schemas.pages import Number, Page, Size
from api.schemas.rag import ResourceView, SearchBody, SearchView, Status

router = APIRouter(prefix="/agent/rag", tags=["rag"], responses=errors(Invalid, Unauthenticated, NotFound, Unavailable))
_ASYNC: dict[int | str, dict[str, Any]] = {
    202: {"model": ResourceView, "description": "with `Prefer: respond-async`: the resource, pending"}
}
_INGESTS = errors(AddressRefused, InsufficientCredits, Conflict, IdempotencyMismatch, TooMany, StorageFull)


@router.get("/resources", summary="List one's resources, newest first")
async def list_resources(
    user: CurrentUser,
    resources: ResourcesOf,
    query: Annotated[
        Search, Query(description="in the title or the file's name, or all of its words in one passage")
    ] = None,
    status: Status | None = None,
    page: Number = 1,
    size: Size = 20,
) -> Page[ResourceView]:
    found, total = await resources.list(user.user_id, query=query, status=status, page=page, size=size)
    return Page(items=[ResourceView.of(resource) for resource in found], total=total, page=page, size=size)


@router.post(
    "/resources",
    status_code=201,
    summary="Add a document (a file, a URL or a text) and ingest it",
    description=(
        "Waits until the ingestion has ended and answers the resource: `ready`, or `failed` with its reason. "
        "With `Prefer: respond-async` it is answered at once, `pending`; its run is `run_id`."
    ),
    openapi_extra=BODY,
    response_model=ResourceView,
    responses={**_ASYNC, **_INGESTS, **errors(TooLarge, UnsupportedMedia)},
)
async def add_resource(
    request: Request,
    user: CurrentUser,
    context: RequestContext,
    resources: ResourcesOf,
    deliveries: DeliveriesOf,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    given = await read_document(request, user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    return await answer(request, await resources.add(given), resources, deliveries)


@router.get("/resources/{resource_id}", summary="A resource")
async def get_resource(resource_id: uuid.UUID, user: CurrentUser, resources: ResourcesOf) -> ResourceView:
    return ResourceView.of(await resources.get(resource_id, user.user_id))


@router.post(
    "/resources/{resource_id}/refresh",
    status_code=201,
    summary="Fetch a resource's URL again; ingested anew where its content has changed",
    response_model=ResourceView,
    responses={**_ASYNC, **_INGESTS},
)
async def refresh_resource(
    resource_id: uuid.UUID,
    request: Request,
    user: CurrentUser,
    context: RequestContext,
    resources: ResourcesOf,
    deliveries: DeliveriesOf,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    ingesting = await resources.refresh(
        resource_id, user.user_id, idempotency_key=idempotency_key, request_id=context.request_id
    )
    return await answer(request, ingesting, resources, deliveries)


@router.delete(
    "/resources/{resource_id}", status_code=204, summary="Delete a resource, its file and all that was made of it"
)
async def delete_resource(resource_id: uuid.UUID, user: CurrentUser, resources: ResourcesOf) -> None:
    await resources.delete(resource_id, user.user_id)


@router.post("/search", summary="Find passages by meaning and by words, best first")
async def search_resources(body: SearchBody, user: CurrentUser, retrieval: RetrievalOf) -> SearchView:
    named = [resource.id for resource in body.resources]
    return SearchView.of(
        await retrieval.search(user.user_id, body.query, limit=body.limit, resources=named or None, all_must_be=True)
    )
