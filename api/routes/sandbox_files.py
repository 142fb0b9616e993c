"""Files of sandboxes. Large ones pass through in pieces."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from agents_backend.domain.errors import (
    AddressRefused,
    Invalid,
    NotFound,
    PathNotFound,
    SandboxFull,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    UpstreamFailed,
    UpstreamTimeout,
)
from api.dependencies import CurrentUser, SandboxFilesOf
from api.forms import UploadForm
from api.openapi import errors
from api.routes.sandboxes import OF_E2B
from api.schemas.pages import Number, Page, Size
from api.schemas.sandboxes import (
    DownloadToPresignedBody,
    FileView,
    FolderEntryView,
    FolderView,
    MakeFolderBody,
    PathView,
    ReadFileBody,
    SandboxId,
    SentFileView,
    UploadFromUrlBody,
    WriteFileBody,
)

router = APIRouter(
    prefix="/agent/sandboxes",
    tags=["sandbox files"],
    responses=errors(Invalid, Unauthenticated, NotFound, PathNotFound, TooLarge, SandboxFull, *OF_E2B, Unavailable),
)
FilePath = Annotated[str, Query(min_length=1, max_length=4096)]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["sandbox_id", "path", "file"],
                    "properties": {
                        "sandbox_id": {"type": "string"},
                        "path": {"type": "string", "description": "absolute; `file_path` is accepted as well"},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


@router.post("/write-file", summary="Write a text file and the folders above it")
async def write_sandbox_file(body: WriteFileBody, user: CurrentUser, files: SandboxFilesOf) -> PathView:
    return PathView(path=await files.write(body.sandbox_id, user.user_id, body.path, body.content.encode()))


@router.post("/read-file", summary="Read a file of at most 5 MB: text, or base64 where it is no UTF-8")
async def read_sandbox_file(body: ReadFileBody, user: CurrentUser, files: SandboxFilesOf) -> FileView:
    return FileView.of(await files.read(body.sandbox_id, user.user_id, body.path))


@router.post(
    "/upload-file",
    summary="Upload a file (multipart)",
    openapi_extra=_FORM,
    responses=errors(UnsupportedMedia),
)
async def upload_sandbox_file(request: Request, user: CurrentUser, files: SandboxFilesOf) -> SentFileView:
    async with UploadForm(request, ("sandbox_id", "path")) as form:
        path = await files.write(form.fields["sandbox_id"], user.user_id, form.fields["path"], form)
    return SentFileView(path=path, size=form.size)


@router.post(
    "/upload-from-url",
    summary="Write what a public URL leads to into a file",
    responses=errors(AddressRefused, UpstreamFailed, UpstreamTimeout),
)
async def upload_sandbox_file_from_url(body: UploadFromUrlBody, user: CurrentUser, files: SandboxFilesOf) -> PathView:
    return PathView(path=await files.fetch(body.sandbox_id, user.user_id, body.url, body.path))


@router.post(
    "/download-to-presigned",
    summary="PUT a file to a presigned public URL",
    responses=errors(AddressRefused, UpstreamFailed, UpstreamTimeout),
)
async def send_sandbox_file_to_presigned(
    body: DownloadToPresignedBody, user: CurrentUser, files: SandboxFilesOf
) -> SentFileView:
    size = await files.send(body.sandbox_id, user.user_id, body.path, body.presigned_url)
    return SentFileView(path=body.path, size=size)


@router.post("/{sandbox_id}/mkdir", summary="Make a folder and those above it")
async def make_sandbox_folder(
    sandbox_id: SandboxId, body: MakeFolderBody, user: CurrentUser, files: SandboxFilesOf
) -> FolderView:
    path, created = await files.make_folder(sandbox_id, user.user_id, body.path)
    return FolderView(path=path, created=created)


@router.get("/{sandbox_id}/files", summary="List a folder: folders first, then by name")
async def list_sandbox_folder(
    sandbox_id: SandboxId,
    user: CurrentUser,
    files: SandboxFilesOf,
    path: FilePath = "/home/user",
    page: Number = 1,
    size: Size = 200,
) -> Page[FolderEntryView]:
    found = sorted(await files.list(sandbox_id, user.user_id, path), key=lambda file: (not file.is_folder, file.path))
    items = [FolderEntryView.of(file) for file in found[(page - 1) * size : page * size]]
    return Page(items=items, total=len(found), page=page, size=size)


@router.get("/{sandbox_id}/download", summary="Download a file of any size", response_class=StreamingResponse)
async def download_sandbox_file(
    sandbox_id: SandboxId,
    path: FilePath,
    user: CurrentUser,
    files: SandboxFilesOf,
) -> StreamingResponse:
    found, pieces = await files.open(sandbox_id, user.user_id, path)
    name = quote(found.path.rsplit("/", 1)[-1], safe="")
    headers = {"Content-Length": str(found.size), "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)
