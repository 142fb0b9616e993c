"""Prose and better prompts: whole, as a stream, or later."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from agents_backend.services.prose import ProseRequest
from api import files
from api.dependencies import CurrentUser, DeliveriesOf, ProseOf, RequestContext, SseOf
from api.openapi import made_by_a_run
from api.routes.runs import view_of
from api.schemas.prose import EnhanceBody, ProseBody, TextView

Key = Annotated[str | None, Header(max_length=255)]
LastEventId = Annotated[str | None, Header()]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": TextView,
        "content": {"text/event-stream": {"schema": {}}},
        "description": "the text, or with `Accept: text/event-stream` the run's AG-UI events",
    },
    **made_by_a_run(),
}
router = APIRouter(tags=["generation"], prefix="/agent/generation")


async def _answer(
    asked: ProseRequest, prose: ProseOf, deliveries: DeliveriesOf, sse: SseOf, request: Request, after: str | None
) -> Response:
    """As the client likes it: a stream, the run at once, or the text when it is written."""
    streamed = "text/event-stream" in request.headers.get("accept", "")
    if streamed:
        sse.admit()
    started = await prose.start(asked)
    if streamed:
        return sse.stream(started, after)
    if files.prefers_async(request):
        return files.accepted(started, view_of(started, request))
    if (gone := await files.finished(request, started, deliveries)) is not None:
        return gone
    text, details = await deliveries.read(started.run.id)
    view = TextView(result=text, method=details["method"])
    return JSONResponse(view.model_dump(), headers=files.run_headers(started))


@router.post(
    "/prose",
    summary="Continue, improve, fix, shorten, lengthen or change a text",
    responses=_ANSWERS,
    response_model=None,
)
async def write_prose(
    body: ProseBody,
    user: CurrentUser,
    context: RequestContext,
    prose: ProseOf,
    deliveries: DeliveriesOf,
    sse: SseOf,
    request: Request,
    idempotency_key: Key = None,
    last_event_id: LastEventId = None,
) -> Response:
    asked = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    return await _answer(asked, prose, deliveries, sse, request, last_event_id)


@router.post("/enhance-prompt", summary="Make a prompt better", responses=_ANSWERS, response_model=None)
async def enhance_prompt(
    body: EnhanceBody,
    user: CurrentUser,
    context: RequestContext,
    prose: ProseOf,
    deliveries: DeliveriesOf,
    sse: SseOf,
    request: Request,
    idempotency_key: Key = None,
    last_event_id: LastEventId = None,
) -> Response:
    asked = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    return await _answer(asked, prose, deliveries, sse, request, last_event_id)
