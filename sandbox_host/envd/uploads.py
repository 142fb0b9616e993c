"""Files on their way into a box: one as it comes, or the parts of a multipart body one after the other."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError

from sandbox_host import pipes
from sandbox_host.envd.filesystem import text
from sandbox_host.errors import Invalid
from sandbox_host.link import close_all
from sandbox_host.sandbox import Sandbox

_MAX_FILES = 1000


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


class Parts:
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


def boundary(options: str) -> bytes:
    for option in options.split(";"):
        name, _, value = option.strip().partition("=")
        if name.lower() == "boundary" and value:
            return value.strip('"').encode("latin-1")
    raise Invalid("the multipart body names no boundary")
