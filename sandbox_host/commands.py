"""The commands of a box, as the host holds them: pipes that are always read, any number of listeners, one end."""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sandbox_host import pipes
from sandbox_host.errors import BoxError, BoxGone, Invalid
from sandbox_host.link import AgentLink, close_all

Stream = Literal["stdout", "stderr", "pty"]
_QUEUE = 32  # chunks of one listener; a full one makes the command wait, as a full pipe would
_LINGER_SECONDS = 0.25  # after a command's end its background children may hold the pipes open
_MAX_EARLY = 1024  # a box's word is not to be trusted with the host's memory
_PTMX = (5, 2)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Wanted:
    """What a command is started with; `pty` is rows and columns."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | None = None
    tag: str | None = None
    stdin: bool = False
    pty: tuple[int, int] | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, -1 and the signal's name when a signal ended it."""

    code: int
    status: str
    exited: bool
    error: str | None = None

    @classmethod
    def of(cls, status: int) -> "Ended":
        if os.WIFSIGNALED(status):
            text = f"signal: {signal.strsignal(os.WTERMSIG(status)) or os.WTERMSIG(status)}".lower()
            return cls(-1, text, exited=False, error=text)
        code = os.WEXITSTATUS(status)
        text = f"exit status {code}"
        return cls(code, text, exited=True, error=text if code else None)


Event = tuple[Stream, bytes] | Ended


class Listener:
    """One reader of a command's output, from where it joined to the end."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue(_QUEUE)
        self.closed = False

    def close(self) -> None:
        self.closed = True
        while not self.queue.empty():
            self.queue.get_nowait()

    async def put(self, event: Event) -> None:
        if not self.closed:
            await self.queue.put(event)


class Command:
    """A running command."""

    def __init__(
        self, pid: int, wanted: Wanted, link: AgentLink, stdin: int | None, outputs: dict[Stream, int]
    ) -> None:
        self.pid, self.wanted = pid, wanted
        self._link, self._stdin = link, stdin
        self._terminal = outputs.get("pty")
        self._listeners: list[Listener] = []
        self._writing = asyncio.Lock()
        self.ended: Ended | None = None
        self._pumps = [asyncio.create_task(self._pump(stream, fd)) for stream, fd in outputs.items()]
        self._finish: asyncio.Task[None] | None = None
        self._deadline: asyncio.Task[None] | None = None

    def kill_after(self, seconds: float) -> None:
        """End it then, whoever still listens: its deadline holds when its caller has left or does not read."""
        self._deadline = asyncio.create_task(self._kill_after(seconds))

    async def _kill_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(BoxError):  # it ended meanwhile
            await self.signal(signal.SIGKILL)

    def listen(self) -> Listener:
        listener = Listener()
        self._listeners.append(listener)
        if self.ended is not None:
            listener.queue.put_nowait(self.ended)
        return listener

    def leave(self, listener: Listener) -> None:
        listener.close()
        with suppress(ValueError):
            self._listeners.remove(listener)

    async def _pump(self, stream: Stream, fd: int) -> None:
        try:
            async for data in pipes.chunks(fd, _CHUNK):
                for listener in list(self._listeners):
                    await listener.put((stream, data))
        finally:
            os.close(fd)
            if fd == self._terminal:
                self._terminal = None

    def end(self, ended: Ended) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._finish = asyncio.create_task(self._tell_end(ended))

    async def _tell_end(self, ended: Ended) -> None:
        await asyncio.wait(self._pumps, timeout=_LINGER_SECONDS)
        self.ended = ended
        if self._terminal is not None:
            self._pumps[0].cancel()
        await self._close_input()
        for listener in list(self._listeners):
            await listener.put(ended)

    def lose(self) -> None:
        """The box is gone."""
        for task in (*self._pumps, self._finish, self._deadline):
            if task is not None:
                task.cancel()
        self._finish = asyncio.create_task(self._close_input())
        self.ended = self.ended or Ended(-1, "the sandbox ended", exited=False, error="the sandbox ended")
        for listener in self._listeners:
            listener.close()
            listener.queue.put_nowait(self.ended)

    async def _close_input(self) -> None:
        async with self._writing:
            if self._stdin is not None:
                os.close(self._stdin)
                self._stdin = None

    async def write(self, data: bytes) -> None:
        """Give it input.

        Raises:
            Invalid: it takes none.
        """
        async with self._writing:
            target = self._terminal if self._terminal is not None else self._stdin
            if target is None:
                raise Invalid("stdin is not open: start the command with stdin=True")
            try:
                await pipes.write_all(target, data)
            except BrokenPipeError:
                raise Invalid("the command has closed its stdin") from None

    async def close_stdin(self) -> None:
        if self._terminal is not None:
            raise Invalid("a terminal's input is not closed: send it Ctrl-D (0x04)")
        await self._close_input()

    def resize(self, rows: int, columns: int) -> None:
        if self._terminal is None:
            raise Invalid("the command has no terminal")
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def signal(self, number: int) -> None:
        await self._link.ask("signal", pid=self.pid, signal=number)


class Commands:
    """All commands of one box."""

    def __init__(self, link: AgentLink) -> None:
        self._link = link
        self._running: dict[int, Command] = {}
        self._early: dict[int, Ended] = {}  # ended before their start was heard of

    def running(self) -> list[Command]:
        return list(self._running.values())

    def find(self, *, pid: int | None = None, tag: str | None = None) -> Command:
        """A running command.

        Raises:
            BoxError: `not_found`.
        """
        for command in self._running.values():
            if command.pid == pid or (tag is not None and command.wanted.tag == tag):
                return command
        raise BoxError(
            "not_found", f"process with {'pid' if tag is None else 'tag'} {pid if tag is None else tag} not found"
        )

    async def start(self, wanted: Wanted) -> Command:
        """Start one.

        Raises:
            BoxError: it cannot be started.
        """
        stdin, outputs, theirs = _pipes(wanted)
        ours = [fd for fd in (stdin, *outputs.values()) if fd is not None]
        arguments = {"argv": list(wanted.argv), "env": dict(wanted.env), "cwd": wanted.cwd, "pty": wanted.pty}
        try:
            with self._link.call("spawn", fds=theirs, **arguments) as call:
                answer, given = await call.answer()
            pid = int(answer["pid"])
            if wanted.pty:
                outputs = {"pty": _terminal(given)}
        except BaseException:
            close_all(ours)
            raise
        for fd in (stdin, *outputs.values()):
            if fd is not None:
                os.set_blocking(fd, False)
        command = Command(pid, wanted, self._link, stdin, outputs)
        self._running[pid] = command
        if ended := self._early.pop(pid, None):
            self._end(command, ended)
        return command

    def exited(self, pid: int, status: int) -> None:
        ended = Ended.of(status)
        if command := self._running.get(pid):
            self._end(command, ended)
        elif len(self._early) < _MAX_EARLY:
            self._early[pid] = ended

    def _end(self, command: Command, ended: Ended) -> None:
        self._running.pop(command.pid, None)
        command.end(ended)

    def lose(self) -> None:
        for command in self._running.values():
            command.lose()
        self._running.clear()


def _pipes(wanted: Wanted) -> tuple[int | None, dict[Stream, int], list[int]]:
    """Our ends and theirs."""
    if wanted.pty:
        return None, {}, []
    out, out_w = pipes.pipe()
    err, err_w = pipes.pipe()
    stdin, theirs = None, [out_w, err_w]
    if wanted.stdin:
        stdin_r, stdin = pipes.pipe()
        theirs.insert(0, stdin_r)
    return stdin, {"stdout": out, "stderr": err}, theirs


def _terminal(given: list[int]) -> int:
    """The master of a terminal, if it is one: what a box sends is looked at before it is used."""
    for fd in given:
        device = os.fstat(fd).st_rdev
        if len(given) == 1 and (os.major(device), os.minor(device)) == _PTMX:
            return fd
    close_all(given)
    raise BoxGone
