"""Connect's `process.Process`: commands and terminals."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.request import RequestContext
from e2b.envd.process import process_pb as pb
from e2b.envd.process.process_connect import Process
from protobuf import Oneof

from sandbox_host.commands import Command, Ended, Event, Stream, Wanted
from sandbox_host.envd.access import basic_user, check_user
from sandbox_host.envd.failures import as_connect_errors
from sandbox_host.errors import Invalid
from sandbox_host.sandbox import Sandbox

_KILL = 9
_KEEPALIVE_SECONDS = 50.0
Context = RequestContext[Any, Any]


class ProcessService(Process):
    """The processes of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def list(self, _: pb.ListRequest, __: Context) -> pb.ListResponse:
        with as_connect_errors():
            return pb.ListResponse(processes=[_info(command) for command in self._sandbox.commands.running()])

    async def start(self, request: pb.StartRequest, ctx: Context) -> AsyncIterator[pb.StartResponse]:
        with as_connect_errors():
            check_user(basic_user(ctx.request_headers.get("authorization")))
            command = await self._sandbox.commands.start(_wanted(request))
        if ctx.timeout_ms is not None:
            command.kill_after(ctx.timeout_ms / 1000)
        async for event in _events(command, ctx):
            yield pb.StartResponse(event=event)

    async def connect(self, request: pb.ConnectRequest, ctx: Context) -> AsyncIterator[pb.ConnectResponse]:
        with as_connect_errors():
            command = self._find(request.process)
        async for event in _events(command, ctx):
            yield pb.ConnectResponse(event=event)

    async def update(self, request: pb.UpdateRequest, _: Context) -> pb.UpdateResponse:
        with as_connect_errors():
            command = self._find(request.process)
            if request.pty is not None and request.pty.size is not None:
                command.resize(request.pty.size.rows, request.pty.size.cols)
        return pb.UpdateResponse()

    async def stream_input(self, request: AsyncIterator[pb.StreamInputRequest], _: Context) -> pb.StreamInputResponse:
        command: Command | None = None
        async for message in request:
            with as_connect_errors():
                match message.event:
                    case Oneof(value=pb.StreamInputRequest.StartEvent() as start):
                        command = self._find(start.process)
                    case Oneof(value=pb.StreamInputRequest.DataEvent() as data):
                        if command is None:
                            raise Invalid("the first message must name the process")
                        await _write(command, data.input)
                    case _:
                        continue
        return pb.StreamInputResponse()

    async def send_input(self, request: pb.SendInputRequest, _: Context) -> pb.SendInputResponse:
        with as_connect_errors():
            await _write(self._find(request.process), request.input)
        return pb.SendInputResponse()

    async def send_signal(self, request: pb.SendSignalRequest, _: Context) -> pb.SendSignalResponse:
        with as_connect_errors():
            await self._find(request.process).signal(int(request.signal) or _KILL)
        return pb.SendSignalResponse()

    async def close_stdin(self, request: pb.CloseStdinRequest, _: Context) -> pb.CloseStdinResponse:
        with as_connect_errors():
            await self._find(request.process).close_stdin()
        return pb.CloseStdinResponse()

    def _find(self, selector: pb.ProcessSelector | None) -> Command:
        match selector.selector if selector else None:
            case Oneof(field="pid", value=int(pid)):
                return self._sandbox.commands.find(pid=pid)
            case Oneof(field="tag", value=str(tag)):
                return self._sandbox.commands.find(tag=tag)
            case _:
                raise Invalid("no process is selected")


def _wanted(request: pb.StartRequest) -> Wanted:
    config = request.process
    if config is None or not config.cmd:
        raise Invalid("no command")
    size = request.pty.size if request.pty else None
    return Wanted(
        argv=[config.cmd, *config.args],
        env=dict(config.envs),
        cwd=config.cwd or None,
        tag=request.tag if request.has_field("tag") else None,
        stdin=request.stdin if request.has_field("stdin") else True,
        pty=(size.rows or 24, size.cols or 80) if size else None,
    )


def _info(command: Command) -> pb.ProcessInfo:
    wanted = command.wanted
    config = pb.ProcessConfig(cmd=wanted.argv[0], args=list(wanted.argv[1:]), envs=dict(wanted.env), cwd=wanted.cwd)
    return pb.ProcessInfo(config=config, pid=command.pid, tag=wanted.tag)


async def _write(command: Command, given: pb.ProcessInput | None) -> None:
    match given.input if given else None:
        case Oneof(value=bytes(data)):
            await command.write(data)
        case _:
            raise Invalid("no input")


async def _events(command: Command, ctx: Context) -> AsyncIterator[pb.ProcessEvent]:
    """The command's events until its end or the caller's deadline."""
    listener = command.listen()
    left = ctx.timeout_ms
    deadline = None if left is None else time.monotonic() + left / 1000
    try:
        yield _started(command.pid)
        while True:
            event = await _next(listener.queue, deadline, _keepalive(ctx))
            yield _message(event)
            if isinstance(event, Ended):
                return
    except TimeoutError:
        raise ConnectError(Code.DEADLINE_EXCEEDED, "the command took longer than its timeout") from None
    finally:
        command.leave(listener)


def _keepalive(ctx: Context) -> float:
    try:
        return max(1.0, float(ctx.request_headers.get("keepalive-ping-interval") or _KEEPALIVE_SECONDS))
    except ValueError:
        return _KEEPALIVE_SECONDS


async def _next(queue: asyncio.Queue[Event], deadline: float | None, keepalive: float) -> Event | None:
    """The next event; None when it is time to show that we are alive.

    Raises:
        TimeoutError: the deadline has passed.
    """
    if not queue.empty():
        return queue.get_nowait()
    left = keepalive if deadline is None else deadline - time.monotonic()
    try:
        async with asyncio.timeout(max(0.0, min(left, keepalive))):
            return await queue.get()
    except TimeoutError:
        if deadline is not None and time.monotonic() >= deadline:
            raise
        return None


def _started(pid: int) -> pb.ProcessEvent:
    start: Oneof[Literal["start"], pb.ProcessEvent.StartEvent] = Oneof("start", pb.ProcessEvent.StartEvent(pid=pid))
    return pb.ProcessEvent(event=start)


def _message(event: Event | None) -> pb.ProcessEvent:
    if event is None:
        alive: Oneof[Literal["keepalive"], pb.ProcessEvent.KeepAlive] = Oneof("keepalive", pb.ProcessEvent.KeepAlive())
        return pb.ProcessEvent(event=alive)
    if isinstance(event, Ended):
        end = pb.ProcessEvent.EndEvent(
            exit_code=event.code, exited=event.exited, status=event.status, error=event.error
        )
        ended: Oneof[Literal["end"], pb.ProcessEvent.EndEvent] = Oneof("end", end)
        return pb.ProcessEvent(event=ended)
    stream, chunk = event
    data: Oneof[Literal["data"], pb.ProcessEvent.DataEvent] = Oneof("data", _output(stream, chunk))
    return pb.ProcessEvent(event=data)


def _output(stream: Stream, chunk: bytes) -> pb.ProcessEvent.DataEvent:
    if stream == "stdout":
        stdout: Oneof[Literal["stdout"], bytes] = Oneof("stdout", chunk)
        return pb.ProcessEvent.DataEvent(output=stdout)
    if stream == "stderr":
        stderr: Oneof[Literal["stderr"], bytes] = Oneof("stderr", chunk)
        return pb.ProcessEvent.DataEvent(output=stderr)
    pty: Oneof[Literal["pty"], bytes] = Oneof("pty", chunk)
    return pb.ProcessEvent.DataEvent(output=pty)
