"""Chat: a run that is started here and watched from here."""

from typing import Annotated

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from agents_backend.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    ThreadBusy,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agents_backend.services.chats import ChatRequest
from api import agui
from api.dependencies import ChatsOf, CurrentUser, RequestContext, SseOf
from api.openapi import errors, event_stream
from api.schemas.runs import ChatBody

router = APIRouter(
    tags=["chat"],
    responses=errors(
        Invalid, Unauthenticated, NotFound, Conflict, ThreadBusy, IdempotencyMismatch, TooMany, Unavailable
    ),
)
Key = Annotated[str | None, Header(max_length=255, description="the same key and body give the same run, for 24 h")]
LastEventId = Annotated[str | None, Header(description="with a repeated Idempotency-Key: go on after this event")]


async def _answer(request: ChatRequest, chats: ChatsOf, sse: SseOf, last_event_id: str | None) -> StreamingResponse:
    sse.admit()
    return sse.stream(await chats.start(request), last_event_id)


@router.post(
    "/agent/chat/stream",
    summary="Start a chat run and stream it (AG-UI events)",
    response_class=StreamingResponse,
    responses=event_stream(),
)
async def stream_chat(
    body: ChatBody,
    user: CurrentUser,
    context: RequestContext,
    chats: ChatsOf,
    sse: SseOf,
    idempotency_key: Key = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    request = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    return await _answer(request, chats, sse, last_event_id)


@router.post(
    "/agent/ag-ui/{agent_name}",
    summary="Run an agent as AG-UI's own clients ask for it (RunAgentInput)",
    response_class=StreamingResponse,
    responses=event_stream(),
)
async def run_ag_ui(
    agent_name: str,
    body: RunAgentInput,
    user: CurrentUser,
    context: RequestContext,
    chats: ChatsOf,
    sse: SseOf,
    idempotency_key: Key = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    request = agui.request_of(
        body, agent_name, user.user_id, idempotency_key=idempotency_key, request_id=context.request_id
    )
    return await _answer(request, chats, sse, last_event_id)
