"""Podcasts and decks: runs whose file the request waits for."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from agents_backend.services.decks import PPTX
from api import files
from api.dependencies import CurrentUser, DecksOf, DeliveriesOf, PodcastsOf, RequestContext
from api.openapi import made_by_a_run
from api.routes.runs import view_of
from api.schemas.generation import DeckBody, PodcastBody

Key = Annotated[str | None, Header(max_length=255)]
router = APIRouter(tags=["generation"], prefix="/agent/generation", responses=made_by_a_run())


def _file(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {}}, "description": "the file"}}


@router.post(
    "/podcast",
    summary="Make a podcast of a content (MP3)",
    response_class=Response,
    responses=_file("audio/mpeg"),
)
async def make_podcast(
    body: PodcastBody,
    user: CurrentUser,
    context: RequestContext,
    podcasts: PodcastsOf,
    deliveries: DeliveriesOf,
    request: Request,
    idempotency_key: Key = None,
) -> Response:
    asked = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    started = await podcasts.start(asked)
    return await files.made_file(request, started, view_of(started, request), deliveries)


@router.post(
    "/ppt",
    summary="Make a slide deck of a content (PPTX)",
    response_class=Response,
    responses=_file(PPTX),
)
async def make_deck(
    body: DeckBody,
    user: CurrentUser,
    context: RequestContext,
    decks: DecksOf,
    deliveries: DeliveriesOf,
    request: Request,
    idempotency_key: Key = None,
) -> Response:
    asked = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    started = await decks.start(asked)
    return await files.made_file(request, started, view_of(started, request), deliveries)
