"""Chat: a run that is started here and watched from here."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from agents_backend.domain.errors import (
    IdempotencyMismatch,
    Invalid,
    NotFound,
    ThreadBusy,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agents_backend.services.streams import parse_event_id
from api import sse
from api.dependencies import ChatsOf, CurrentUser, RequestContext, StreamsOf
from api.openapi import errors
from api.schemas.runs import ChatBody

router = APIRouter(tags=["chat"])
Key = Annotated[str | None, Header(max_length=255)]


@router.post(
    "/agent/chat/stream",
    summary="Start a chat run and stream it (AG-UI events)",
    response_class=StreamingResponse,
    responses=errors(Invalid, Unauthenticated, NotFound, ThreadBusy, IdempotencyMismatch, TooMany, Unavailable),
)
async def stream_chat(
    body: ChatBody,
    user: CurrentUser,
    context: RequestContext,
    chats: ChatsOf,
    streams: StreamsOf,
    idempotency_key: Key = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    request = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    started = await chats.start(request)
    return sse.stream(started, streams.follow(started.run, after=parse_event_id(last_event_id)))
