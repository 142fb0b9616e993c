"""Multipart uploads in passing: the fields first, then the file's bytes as they come from the client.

FastAPI's own forms are read whole before a route begins, so before it is known who sends them.
"""

import tempfile
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from agents_backend.domain.errors import Invalid, UnsupportedMedia

if TYPE_CHECKING:  # the library has it for type checkers alone
    from python_multipart.multipart import MultipartCallbacks

MAX_FIELD = 8_192
MAX_FIELDS = 20
_IN_MEMORY = 1_000_000
_PIECE = 65_536
ALIASES = {"file_path": "path"}


class UploadForm:
    """One file and some text fields. Use it as an async context manager, then iterate it once for the file's bytes.

    A file that comes before the fields is put aside on disk until they are there.

    Raises:
        UnsupportedMedia: it is no multipart form. Invalid: it is malformed, or a field or the file is missing.
    """

    def __init__(self, request: Request, needed: Sequence[str]) -> None:
        self._needed = needed
        self._chunks = request.stream()
        self._parser = MultipartParser(_boundary(request), self._callbacks())
        self._name, self._is_file, self._field = "", False, bytearray()
        self._disposition, self._header = b"", [b"", b""]
        self._data: deque[bytes] = deque()
        self._has_file = self._ended = False
        self._stack = ExitStack()
        self._aside = self._stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115  # the stack closes it
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.size = 0

    async def __aenter__(self) -> Self:
        try:
            while not self._complete() and await self._more():
                while self._data and not self._complete():
                    await anyio.to_thread.run_sync(self._aside.write, self._data.popleft())
            self._require()
        except BaseException:
            self._stack.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._aside.seek(0)
        while piece := await anyio.to_thread.run_sync(self._aside.read, _PIECE):
            self.size += len(piece)
            yield piece
        while self._data or await self._more():
            while self._data:
                self.size += len(self._data[0])
                yield self._data.popleft()

    def _complete(self) -> bool:
        return self._has_file and all(name in self.fields for name in self._needed)

    def _require(self) -> None:
        for name in self._needed:
            if name not in self.fields:
                raise Invalid.field(name, "this field is missing")
        if not self._has_file:
            raise Invalid.field("file", "this file is missing")

    async def _more(self) -> bool:
        """Read the next piece of the request; False at its end."""
        chunk = await anext(self._chunks, b"")
        try:
            if chunk:
                self._parser.write(chunk)
                return True
            self._parser.finalize()
        except FormParserError as error:
            raise Invalid("The form is malformed.") from error
        if not self._ended:
            raise Invalid("The form ends in the middle.")
        return False

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._on_part,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_header_field": lambda data, start, end: self._on_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._on_header(1, data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_end": self._on_end,
        }

    def _on_part(self) -> None:
        self._disposition, self._field = b"", bytearray()

    def _on_header(self, part: int, data: bytes) -> None:
        self._header[part] += data

    def _on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name, self._is_file = options.get(b"name", b"").decode(errors="replace"), b"filename" in options
        if self._is_file and (self._has_file or self._name != "file"):
            raise Invalid.field("file", "a form has one file, and this is its name")
        if self._is_file:
            self._has_file, self.filename = True, _unescaped(options[b"filename"].decode(errors="replace"))
        if len(self.fields) >= MAX_FIELDS:
            raise Invalid("The form has too many fields.")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._data.append(data[start:end])
            return
        self._field += data[start:end]
        if len(self._field) > MAX_FIELD:
            raise Invalid.field(self._name[:100], "this field is too long")

    def _on_part_end(self) -> None:
        if not self._is_file:
            self.fields[ALIASES.get(self._name, self._name)] = self._field.decode(errors="replace")

    def _on_end(self) -> None:
        self._ended = True


def _unescaped(name: str) -> str:
    """A file's name as it was before a browser wrote it into the form: it escapes these three, and no other."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise UnsupportedMedia("A file is uploaded as multipart/form-data.")
    return boundary
