"""A document as a request brings it: JSON, or a multipart form with a file. Read by the route, once it is known who sends it."""

import json
import re
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError

from agents_backend.domain.errors import Invalid, TooLarge
from agents_backend.services.deliveries import CallerGone, Deliveries
from agents_backend.services.rag_resources import Ingesting, NewDocument, Resources
from agents_backend.settings import Settings
from api.files import CLIENT_CLOSED_REQUEST, prefers_async, run_headers
from api.forms import UploadForm
from api.schemas.rag import AddResourceBody, ResourceView, UploadFields

Given = TypeVar("Given", bound=BaseModel)
_NAME = 255
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": AddResourceBody.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "PDF, DOCX, PPTX, XLSX, HTML, Markdown, text",
                        },
                        "title": {"type": "string", "maxLength": 300},
                        "replaces": {"type": "string", "format": "uuid"},
                    },
                }
            },
        },
    }
}


async def read_document(request: Request, user_id: int, *, idempotency_key: str | None, request_id: str) -> NewDocument:
    """What the request brings.

    Raises:
        Invalid, RequestValidationError: names the field. TooLarge: the file, or the JSON. UnsupportedMedia: another kind of body.
    """
    settings: Settings = request.app.state.services.settings
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        body = _valid(AddResourceBody, await _json(request, settings.api.max_body_bytes))
        return body.document(user_id, idempotency_key=idempotency_key, request_id=request_id)
    async with UploadForm(request, ()) as form:
        content = bytearray()
        async for piece in form:
            content += piece
            if len(content) > settings.rag.max_file_bytes:
                raise TooLarge(f"A file may have {settings.rag.max_file_bytes:,} bytes.")
        fields = _valid(UploadFields, form.fields)
    return NewDocument(
        user_id,
        "file",
        bytes(content),
        file_name=_named(form.filename),
        media_type=form.media_type if _MEDIA_TYPE.fullmatch(form.media_type) else "",
        title=fields.title,
        replaces=fields.replaces,
        idempotency_key=idempotency_key,
        request_id=request_id,
    )


async def _json(request: Request, most: int) -> Any:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise TooLarge
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Invalid("The body is no JSON.") from None


def _valid(kind: type[Given], given: Any) -> Given:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in error.errors()]) from None


def _named(given: str) -> str:
    """A file's name without the folders that some clients send along."""
    name = given.replace("\\", "/").rpartition("/")[2]
    if len(name) > _NAME or not name.isprintable():
        raise Invalid.field("file", f"its name must be printable and have at most {_NAME} characters")
    return name


async def answer(request: Request, ingesting: Ingesting, resources: Resources, deliveries: Deliveries) -> Response:
    """The resource at once where that is preferred, else when its ingestion has ended, in whichever way."""
    if prefers_async(request):
        run_id = str(ingesting.started.run.id)
        where = f"/api/v1/agent/runs/{run_id}"
        return _view(ingesting, 202, {"Location": where, "X-Run-Id": run_id, "Preference-Applied": "respond-async"})
    try:
        ended = await resources.settled(ingesting, deliveries, is_gone=request.is_disconnected)
    except CallerGone:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    where = f"/api/v1/agent/rag/resources/{ended.resource.id}"
    return _view(ended, 201, {"Location": where, **run_headers(ended.started)})


def _view(ingesting: Ingesting, status: int, headers: dict[str, str]) -> Response:
    view = ResourceView.of(ingesting.resource)
    return JSONResponse(view.model_dump(mode="json"), status_code=status, headers=headers)
