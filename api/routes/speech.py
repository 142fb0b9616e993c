"""Text to speech: a run whose file the request waits for."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from agents_backend.domain.errors import Invalid, Unauthenticated
from agents_backend.integrations.speech.voices import catalogue
from api import files
from api.dependencies import CurrentUser, DeliveriesOf, RequestContext, SpeechOf
from api.openapi import errors, made_by_a_run
from api.routes.runs import view_of
from api.schemas.pages import Number, Page, Size
from api.schemas.speech import SpeechBody, VoiceView

router = APIRouter(tags=["speech"])
Key = Annotated[str | None, Header(max_length=255)]


@router.post(
    "/agent/tts/synthesize",
    summary="Speak a text (MP3)",
    response_class=Response,
    responses={200: {"content": {"audio/mpeg": {}}, "description": "the MP3 file"}, **made_by_a_run()},
)
async def synthesize_speech(
    body: SpeechBody,
    user: CurrentUser,
    context: RequestContext,
    speech: SpeechOf,
    deliveries: DeliveriesOf,
    request: Request,
    idempotency_key: Key = None,
) -> Response:
    asked = body.request(user.user_id, idempotency_key=idempotency_key, request_id=context.request_id)
    started = await speech.start(asked)
    return await files.made_file(request, started, view_of(started, request), deliveries)


@router.get("/agent/tts/voices", summary="List the voices", responses=errors(Invalid, Unauthenticated))
async def list_voices(
    user: CurrentUser,  # noqa: ARG001  # who asks must be signed in
    page: Number = 1,
    size: Size = 200,
    locale: Annotated[str | None, Query(max_length=16)] = None,
    gender: Annotated[str | None, Query(max_length=16)] = None,
) -> Page[VoiceView]:
    wanted = (locale or "").lower()
    found = [
        voice
        for voice in catalogue().values()
        if voice.locale.lower().startswith(wanted) and (gender is None or voice.gender == gender)
    ]
    items = [VoiceView.of(voice) for voice in found[(page - 1) * size : page * size]]
    return Page(items=items, total=len(found), page=page, size=size)
