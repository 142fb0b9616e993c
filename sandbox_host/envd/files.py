"""envd's `/files`: contents in and out, streamed through pipes to the box; the host holds a chunk at a time and opens no file of a box."""

import os
import zlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sandbox_host import pipes
from sandbox_host.envd.access import check_user, has_signature, has_token
from sandbox_host.envd.failures import STATUS
from sandbox_host.envd.filesystem import text
from sandbox_host.envd.uploads import Parts, Upload, boundary
from sandbox_host.errors import BoxError, HostError, Invalid
from sandbox_host.link import Call
from sandbox_host.sandbox import Sandbox
from sandbox_host.views import problem

_METADATA = "x-metadata-"
_GZIP = 31  # zlib's window bits for gzip framing


async def serve(sandbox: Sandbox, request: Request) -> Response:
    """GET or POST `/files`."""
    operation = "read" if request.method == "GET" else "write"
    record = sandbox.record
    if not has_token(record, request.headers) and not has_signature(record, request.query_params, operation):
        return problem(401, "the access token or the signature is missing, wrong or expired")
    try:
        check_user(request.query_params.get("username"))
        if operation == "read":
            return await _read(sandbox, request.query_params.get("path", ""))
        return JSONResponse(await _write(sandbox, request))
    except BoxError as error:
        return problem(STATUS[error.code], str(error))
    except HostError as error:
        return problem(error.status, str(error))
    except ClientDisconnect:
        return problem(400, "the upload was not finished")


async def _read(sandbox: Sandbox, path: str) -> Response:
    out, out_w = pipes.large_pipe()
    os.set_blocking(out, False)
    try:
        call = sandbox.jail.link.call("read", path=path, fds=[out_w])
    except BaseException:
        os.close(out)
        raise
    try:
        size = int(await call.part() or 0)
    except BaseException:
        call.__exit__()
        os.close(out)
        raise
    name = quote(text(path.rpartition("/")[2]))
    headers = {"content-length": str(size), "content-disposition": f"inline; filename*=utf-8''{name}"}
    return StreamingResponse(_content(call, out), media_type="application/octet-stream", headers=headers)


async def _content(call: Call, out: int) -> AsyncIterator[bytes]:
    try:
        with call:
            async for data in pipes.chunks(out):
                yield data
    finally:
        os.close(out)


async def _write(sandbox: Sandbox, request: Request) -> list[dict[str, Any]]:
    prefix = len(_METADATA)
    metadata = {key[prefix:]: value for key, value in request.headers.items() if key.startswith(_METADATA)}
    path = request.query_params.get("path")
    kind, _, options = request.headers.get("content-type", "").partition(";")
    chunks = _plain(request)
    if kind.strip() == "multipart/form-data":
        return await Parts(boundary(options), lambda name: Upload(sandbox, path or name, metadata)).run(chunks)
    if not path:
        raise Invalid("no path")
    upload = Upload(sandbox, path, metadata)
    try:
        async for chunk in chunks:
            await upload.write(chunk)
    except BaseException:
        upload.abandon()
        raise
    return [await upload.finish()]


async def _plain(request: Request) -> AsyncIterator[bytes]:
    """The body, unzipped if it came zipped."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise Invalid(f"content-encoding {encoding} is not understood")
    if encoding == "identity":
        async for chunk in request.stream():
            yield chunk
        return
    unzip = zlib.decompressobj(_GZIP)
    try:
        async for chunk in request.stream():
            data = unzip.decompress(chunk, pipes.CHUNK)
            while data:
                yield data
                data = unzip.decompress(unzip.unconsumed_tail, pipes.CHUNK)
    except zlib.error:
        raise Invalid("the body is not gzip") from None
    if not unzip.eof:
        raise Invalid("the gzip stream is cut short")
