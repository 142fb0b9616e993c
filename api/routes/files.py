"""Files that users bring for their chats."""

import uuid
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from agents_backend.db.lists import Slice
from agents_backend.domain.errors import (
    IdempotencyGone,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    StorageFull,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from agents_backend.services.artifacts import RangeNotSatisfiable
from agents_backend.services.staged_files import Upload
from api import files
from api.dependencies import ArtifactsOf, CurrentUser, FilesOf, IdempotencyKey
from api.forms import UploadForm
from api.openapi import errors
from api.schemas.files import FileView
from api.schemas.pages import Number, Page, Size, listed

router = APIRouter(prefix="/agent/files", tags=["files"], responses=errors(Invalid, Unauthenticated, Unavailable))
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
# A page that a user brought must never act in our name, whatever a browser makes of it.
_SAFE = {"Content-Security-Policy": "sandbox; default-src 'none'"}


@router.post(
    "/upload",
    status_code=201,
    summary="Upload a file (multipart), to attach it to a chat by its id",
    openapi_extra=_FORM,
    responses=errors(TooLarge, UnsupportedMedia, IdempotencyMismatch, IdempotencyGone, TooMany, StorageFull),
)
async def upload_file(
    request: Request, user: CurrentUser, staged: FilesOf, response: Response, idempotency_key: IdempotencyKey = None
) -> FileView:
    async with UploadForm(request, ()) as form:
        made = await staged.upload(Upload(user.user_id, form.filename, aiter(form), idempotency_key))
    response.headers["Location"] = f"/api/v1/agent/files/{made.id}"
    return FileView.model_validate(made)


@router.get("", response_model=Page[FileView], summary="My files, the newest first")
async def list_files(user: CurrentUser, staged: FilesOf, page: Number = 1, size: Size = 20) -> dict[str, Any]:
    part = Slice(page, size)
    return listed(await staged.list(user.user_id, part), part)


@router.get("/{file_id}", summary="A file: its name, type, size, and where its bytes are", responses=errors(NotFound))
async def get_file(file_id: uuid.UUID, user: CurrentUser, staged: FilesOf) -> FileView:
    return FileView.model_validate(await staged.get(file_id, user.user_id))


@router.get(
    "/{file_id}/content",
    summary="Download a file, or a range of it",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "the file"},
        206: {"description": "a range"},
        304: {"description": "unchanged"},
        **errors(NotFound, RangeNotSatisfiable),
    },
)
async def download_file(
    file_id: uuid.UUID, user: CurrentUser, staged: FilesOf, artifacts: ArtifactsOf, request: Request
) -> Response:
    found = await staged.get(file_id, user.user_id)
    tag = files.etag(found.sha256)
    if files.is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    opened = await artifacts.open(found, wanted=files.wanted_range(request, tag))
    return files.file_response(opened, head=_SAFE)


@router.delete("/{file_id}", status_code=204, summary="Delete a file", responses=errors(NotFound))
async def delete_file(file_id: uuid.UUID, user: CurrentUser, staged: FilesOf) -> None:
    await staged.delete(file_id, user.user_id)
