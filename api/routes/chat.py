"""Chat: a run that is started here and watched from here."""

from dataclasses import dataclass
from typing import Annotated

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from agents_backend.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    InsufficientCredits,
    Invalid,
    NotFound,
    SandboxGone,
    ThreadBusy,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agents_backend.services.chats import ChatRequest
from api import agui
from api.dependencies import ChatsOf, CurrentUser, RequestContext, SseOf
from api.openapi import errors, event_stream
from api.schemas.runs import AgentBody, ChatBody

router = APIRouter(
    tags=["chat"],
    responses=errors(
        Invalid,
        Unauthenticated,
        InsufficientCredits,
        NotFound,
        Conflict,
        ThreadBusy,
        IdempotencyMismatch,
        TooMany,
        Unavailable,
    ),
)
Key = Annotated[str | None, Header(max_length=255, description="the same key and body give the same run, for 24 h")]
LastEventId = Annotated[str | None, Header(description="with a repeated Idempotency-Key: go on after this event")]


@dataclass(frozen=True)
class Ask:
    """Who asks for a run, and how it is answered: accepted once for an Idempotency-Key, then streamed."""

    user: CurrentUser
    context: RequestContext
    chats: ChatsOf
    sse: SseOf
    idempotency_key: str | None
    last_event_id: str | None

    def request(self, body: ChatBody) -> ChatRequest:
        return body.request(self.user.user_id, idempotency_key=self.idempotency_key, request_id=self.context.request_id)

    async def answer(self, request: ChatRequest) -> StreamingResponse:
        self.sse.admit()
        return self.sse.stream(await self.chats.start(request), self.last_event_id)


async def _ask(
    user: CurrentUser,
    context: RequestContext,
    chats: ChatsOf,
    sse: SseOf,
    idempotency_key: Key = None,
    last_event_id: LastEventId = None,
) -> Ask:
    return Ask(user, context, chats, sse, idempotency_key, last_event_id)


AskOf = Annotated[Ask, Depends(_ask)]


@router.post(
    "/agent/chat/stream",
    summary="Start a chat run and stream it (AG-UI events)",
    response_class=StreamingResponse,
    responses=event_stream(),
)
async def stream_chat(body: ChatBody, ask: AskOf) -> StreamingResponse:
    return await ask.answer(ask.request(body))


@router.post(
    "/agent/agent/stream",
    summary="Start a run of an agent with a sandbox and stream it (AG-UI events)",
    description="As chat/stream, with tools for commands and files in a sandbox, which is made when a tool first needs it.",
    response_class=StreamingResponse,
    responses={**event_stream(), **errors(Conflict, ThreadBusy, IdempotencyMismatch, SandboxGone)},
)
async def stream_agent(body: AgentBody, ask: AskOf) -> StreamingResponse:
    return await ask.answer(ask.request(body))


@router.post(
    "/agent/ag-ui/{agent_name}",
    summary="Run an agent as AG-UI's own clients ask for it (RunAgentInput)",
    description="`forwardedProps` takes what chat/stream's body adds to its messages: `model`, `file_ids`, `resources`, `mcp_settings`…",
    response_class=StreamingResponse,
    responses=event_stream(),
)
async def run_ag_ui(agent_name: str, body: RunAgentInput, ask: AskOf) -> StreamingResponse:
    request = agui.request_of(
        body,
        agent_name,
        ask.user.user_id,
        idempotency_key=ask.idempotency_key,
        request_id=ask.context.request_id,
    )
    return await ask.answer(request)
