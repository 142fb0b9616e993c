"""envd's `/files`: contents in and out, streamed through pipes to the box; the host holds a chunk at a time and opens no file of a box."""

import os
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sandbox_host import pipes
from sandbox_host.control import problem
from sandbox_host.envd.access import check_user, has_signature, has_token
from sandbox_host.envd.failures import STATUS
from sandbox_host.envd.filesystem import text
from sandbox_host.errors import BoxError, HostError, Invalid
from sandbox_host.link import Call, close_all
from sandbox_host.sandbox import Sandbox

_METADATA = "x-metadata-"
_MAX_FILES = 1000
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


class Upload:
    """One file on its way into the box."""

    def __init__(self, sandbox: Sandbox, path: str, metadata: dict[str, str]) -> None:
        read, self._pipe = pipes.large_pipe()
        os.set_blocking(self._pipe, False)
        try:
            self._call = sandbox.jail.link.call("write", path=path, metadata=metadata, fds=[read])
        except BaseException:
            os.close(self._pipe)
            raise
        self._open = True

    async def write(self, data: bytes) -> None:
        if self._open:
            try:
                await pipes.write_all(self._pipe, data)
            except BrokenPipeError:  # the box refused; finish() says why
                self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._pipe)

    async def finish(self) -> dict[str, Any]:
        self.close()
        with self._call:
            answer, fds = await self._call.answer()
        close_all(fds)
        named = {key: text(answer[key]) for key in ("name", "path")}
        return {**named, "type": "file", "metadata": answer["metadata"]}

    def abandon(self) -> None:
        self.close()
        self._call.__exit__()


async def _write(sandbox: Sandbox, request: Request) -> list[dict[str, Any]]:
    prefix = len(_METADATA)
    metadata = {key[prefix:]: value for key, value in request.headers.items() if key.startswith(_METADATA)}
    path = request.query_params.get("path")
    kind, _, options = request.headers.get("content-type", "").partition(";")
    chunks = _plain(request)
    if kind.strip() == "multipart/form-data":
        boundary = _boundary(options)
        return await _Parts(boundary, lambda name: Upload(sandbox, path or name, metadata)).run(chunks)
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


def _boundary(options: str) -> bytes:
    for option in options.split(";"):
        name, _, value = option.strip().partition("=")
        if name.lower() == "boundary" and value:
            return value.strip('"').encode("latin-1")
    raise Invalid("the multipart body names no boundary")


class _Parts:
    """The files of a multipart body, one after the other, as they come."""

    def __init__(self, boundary: bytes, start: Callable[[str], Upload]) -> None:
        self._start = start
        self._events: list[tuple[str, bytes]] = []
        self._field = self._value = b""
        self._disposition = ""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._mark("begin"),
                "on_header_field": self._note("field"),
                "on_header_value": self._note("value"),
                "on_header_end": self._mark("header"),
                "on_headers_finished": self._mark("headers"),
                "on_part_data": self._note("data"),
                "on_part_end": self._mark("end"),
                "on_end": self._mark("last"),
            },
        )
        self._upload: Upload | None = None
        self._written: list[dict[str, Any]] = []
        self._complete = False

    def _note(self, kind: str) -> Callable[[bytes, int, int], None]:
        return lambda data, start, end: self._events.append((kind, data[start:end]))

    def _mark(self, kind: str) -> Callable[[], None]:
        return lambda: self._events.append((kind, b""))

    async def run(self, chunks: AsyncIterator[bytes]) -> list[dict[str, Any]]:
        try:
            async for chunk in chunks:
                self._parser.write(chunk)
                events, self._events[:] = list(self._events), []
                for kind, data in events:
                    await self._take(kind, data)
        except MultipartParseError as error:
            raise Invalid(f"the multipart body is malformed: {error}") from None
        finally:
            if self._upload is not None:
                self._upload.abandon()
        if not self._complete:
            raise Invalid("the multipart body is cut short")
        return self._written

    async def _take(self, kind: str, data: bytes) -> None:
        steps: dict[str, Callable[[bytes], Awaitable[None]]] = {
            "data": self._data,
            "headers": self._begin,
            "end": self._end,
        }
        if step := steps.get(kind):
            await step(data)
        elif kind == "begin":
            self._field = self._value = b""
            self._disposition = ""
        elif kind == "field":
            self._field += data
        elif kind == "value":
            self._value += data
        elif kind == "header":
            if self._field.lower() == b"content-disposition":
                self._disposition = self._value.decode("utf-8", "replace")
            self._field = self._value = b""
        else:
            self._complete = True

    async def _begin(self, _: bytes) -> None:
        if len(self._written) >= _MAX_FILES:
            raise Invalid(f"more than {_MAX_FILES} files in one request")
        self._upload = self._start(_filename(self._disposition))

    async def _data(self, data: bytes) -> None:
        if self._upload is not None:
            await self._upload.write(data)

    async def _end(self, _: bytes) -> None:
        if self._upload is not None:
            upload, self._upload = self._upload, None
            self._written.append(await upload.finish())


def _filename(disposition: str) -> str:
    """The name that httpx and the browsers put there: quoted, with `"` and line ends percent-encoded."""
    for option in disposition.split(";")[1:]:
        name, _, value = option.strip().partition("=")
        if name.lower() == "filename":
            return value.strip('"').replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
    raise Invalid("a part names no file")
