"""MCP over a program's standard input and output; the program runs in a sandbox, never here."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from agents_backend.integrations.sandboxes import RunningProgram

MAX_LINE: Final = 25_000_000  # characters
_MESSAGES_AHEAD = 1_000

# Starts the program; given what takes its output as it comes.
Start = Callable[[Callable[[str], None]], AbstractAsyncContextManager[RunningProgram]]


class _Lines:
    """Puts pieces of output together to messages, a line each; what is no message (a banner, a log line) is passed over."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._rest = stream, ""

    def take(self, piece: str) -> None:
        *lines, self._rest = (self._rest + piece).split("\n")
        for line in lines:
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                continue
            self._give(SessionMessage(message))
        if len(self._rest) > MAX_LINE:
            self.close()

    def _give(self, message: SessionMessage) -> None:
        try:
            self._stream.send_nowait(message)
        except anyio.WouldBlock:  # it floods us
            self.close()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._rest = ""

    def close(self) -> None:
        self._rest = ""
        self._stream.close()


@asynccontextmanager
async def spoken_by(start: Start) -> AsyncIterator[tuple[Any, Any]]:
    """The SDK's transport over a program, which is killed at the end of the block; its own end ends the connection."""
    output, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](_MESSAGES_AHEAD)
    write_stream, said = anyio.create_memory_object_stream[SessionMessage](0)
    lines = _Lines(output)

    async def write(program: RunningProgram) -> None:
        async for item in said:
            await program.send(item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n")

    async def watch(program: RunningProgram) -> None:
        await program.wait()
        lines.close()

    async with (
        output,
        read_stream,
        write_stream,
        said,
        start(lines.take) as program,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(write, program)
        tasks.start_soon(watch, program)
        try:
            yield read_stream, write_stream
        finally:
            tasks.cancel_scope.cancel()
