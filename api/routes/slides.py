"""Slides of a sandbox; they outlive it."""

import uuid
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from agents_backend.domain.errors import Conflict, IdempotencyMismatch, Invalid, NotFound, Unauthenticated, Unavailable
from agents_backend.services.slide_exports import Format
from api.dependencies import CurrentUser, SlideExportsOf, SlidesOf
from api.openapi import errors
from api.routes.sandboxes import OF_E2B, Key
from api.schemas.pages import Number, Page, Size
from api.schemas.sandboxes import SandboxId
from api.schemas.slides import CreateSlideBody, SlideView, UpdateSlideBody

router = APIRouter(
    prefix="/agent/sandboxes/{sandbox_id}/slides",
    tags=["slides"],
    responses=errors(Invalid, Unauthenticated, NotFound, Unavailable),
)
Presentation = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")]


@router.get("", summary="List slides, by presentation and number")
async def list_slides(
    sandbox_id: SandboxId,
    user: CurrentUser,
    slides: SlidesOf,
    presentation_name: Presentation = None,
    page: Number = 1,
    size: Size = 100,
) -> Page[SlideView]:
    found, total = await slides.list(sandbox_id, user.user_id, presentation=presentation_name, page=page, size=size)
    return Page(items=[SlideView.of(slide) for slide in found], total=total, page=page, size=size)


@router.get(
    "/export",
    summary="A presentation as PDF (by the sandbox's Chromium) or PPTX (its texts)",
    response_class=Response,
    responses=errors(Conflict, *OF_E2B),
)
async def export_slides(
    sandbox_id: SandboxId,
    user: CurrentUser,
    exports: SlideExportsOf,
    format: Format = "pdf",  # noqa: A002  # the contract's word
    presentation_name: Presentation = None,
) -> Response:
    made = await exports.export(sandbox_id, user.user_id, presentation=presentation_name, format=format)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(made.name, safe='')}"}
    return Response(made.content, media_type=made.media_type, headers=headers)


@router.get("/{slide_id}", summary="A slide")
async def get_slide(sandbox_id: SandboxId, slide_id: uuid.UUID, user: CurrentUser, slides: SlidesOf) -> SlideView:
    return SlideView.of(await slides.get(sandbox_id, user.user_id, slide_id))


@router.post("", status_code=201, summary="Add a slide", responses=errors(Conflict, IdempotencyMismatch))
async def create_slide(
    sandbox_id: SandboxId,
    body: CreateSlideBody,
    user: CurrentUser,
    slides: SlidesOf,
    response: Response,
    idempotency_key: Key = None,
) -> SlideView:
    slide = await slides.create(sandbox_id, user.user_id, body.new(idempotency_key))
    response.headers["Location"] = f"/api/v1/agent/sandboxes/{sandbox_id}/slides/{slide.id}"
    return SlideView.of(slide)


@router.put("/{slide_id}", summary="Change a slide, or move it", responses=errors(Conflict))
async def update_slide(
    sandbox_id: SandboxId, slide_id: uuid.UUID, body: UpdateSlideBody, user: CurrentUser, slides: SlidesOf
) -> SlideView:
    return SlideView.of(await slides.change(sandbox_id, user.user_id, slide_id, body.change()))


@router.delete("/{slide_id}", status_code=204, summary="Delete a slide; the others keep their numbers")
async def delete_slide(sandbox_id: SandboxId, slide_id: uuid.UUID, user: CurrentUser, slides: SlidesOf) -> None:
    await slides.delete(sandbox_id, user.user_id, slide_id)
