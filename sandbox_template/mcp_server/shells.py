"""Shell sessions: programs that live on between calls."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from .errors import as_tool_errors
from .paths import Paths
from .processes import Process

MAX_RUNNING = 32
MAX_KEPT = 64
MAX_OUTPUT = 30_000
MAX_WAIT = 120.0
STOP_GRACE_SECONDS = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")

SessionName = Annotated[str, Field(min_length=1, max_length=64, description="as shell_start named it")]
Wait = Annotated[float, Field(ge=0, le=MAX_WAIT, description="seconds to wait for more output or for the end")]


class ShellState(BaseModel):
    """A session after a call. `output` is bytes `start` to `end` of all that it wrote; ask for more with `after` = `end`."""

    session: str
    running: bool
    exit_code: int | None = Field(description="null while it runs; 128 + n after a death by signal n")
    output: str
    start: int
    end: int
    more: bool = Field(description="whether there is output beyond `end`")
    dropped: bool = Field(description="whether output before `start` is gone")


class ShellSummary(BaseModel):
    session: str
    command: str
    cwd: str
    pid: int
    running: bool
    exit_code: int | None
    age_seconds: float


class Shells:
    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._sessions: dict[str, _Session] = {}
        self._count = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Nothing that was started here outlives the server."""
        try:
            yield
        finally:
            await asyncio.gather(*(session.process.stop(0.2) for session in self._sessions.values()))
            for session in self._sessions.values():
                session.process.close()

    async def shell_start(
        self,
        command: Annotated[
            str | None, Field(max_length=100_000, description="run by bash -c; without it an interactive bash")
        ] = None,
        session: Annotated[str | None, Field(max_length=64, description="a name for it; one is made otherwise")] = None,
        cwd: Annotated[str | None, Field(description="absolute folder; the root otherwise")] = None,
        env: Annotated[dict[str, str] | None, Field(description="variables beside the inherited ones")] = None,
        *,
        pty: Annotated[bool, Field(description="a terminal; false: pipes, for programs that should not draw")] = True,
        wait_seconds: Wait = 1.0,
    ) -> ShellState:
        """Start a shell session; it lives on between calls until it ends or is stopped."""
        name = self._free_name(session)
        folder = self._paths.root if cwd is None else self._paths.of(cwd)
        argv = ["bash", "-c", command] if command is not None else ["bash", "--norc", "-i"]
        with as_tool_errors(folder):
            process = await Process.start(argv, cwd=folder, env=_environment(env or {}), is_pty=pty)
        made = _Session(name, command or "bash", str(folder), process)
        self._sessions[name] = made
        await made.settle(0, wait_seconds)
        return made.state(0)

    async def shell_view(
        self,
        session: SessionName,
        after: Annotated[int | None, Field(ge=0, description="a position; without it the last of the output")] = None,
        wait_seconds: Wait = 0,
    ) -> ShellState:
        """See a session's output so far and its exit code; waits for output beyond `after`, or for the end."""
        found = self._session(session)
        await found.settle(found.process.output.end if after is None else after, wait_seconds)
        return found.state(after)

    async def shell_write(
        self,
        session: SessionName,
        text: Annotated[
            str, Field(max_length=100_000, description="typed as it is; a line ends with \\n, Ctrl-C is \\u0003")
        ],
        wait_seconds: Wait = 1.0,
        *,
        end_input: Annotated[bool, Field(description="close the input after it; of a session without pty")] = False,
    ) -> ShellState:
        """Type into a session and see what comes of it."""
        found = self._session(session)
        if not found.running:
            raise ToolError(f"{session} has ended with exit code {found.process.exit_code}.")
        if end_input and found.process.is_pty:
            raise ToolError("A terminal's input ends with \\u0004, typed on a line of its own.")
        before = found.process.output.end
        try:
            await asyncio.wait_for(found.process.write(text.encode()), MAX_WAIT)
        except TimeoutError:
            raise ToolError(f"{session} does not read its input.") from None
        except OSError as error:
            raise ToolError(f"{session} has closed its input.") from error
        if end_input:
            found.process.close_input()
        await found.settle(before, wait_seconds)
        return found.state(before)

    async def shell_stop(self, session: SessionName) -> ShellState:
        """Stop a session and all that it started; asked first, killed after 3 s. Its output can still be viewed."""
        found = self._session(session)
        if found.running:
            await found.process.stop(STOP_GRACE_SECONDS)
        return found.state(None)

    async def shell_list(self) -> list[ShellSummary]:
        """List the sessions, the ended ones too."""
        return [found.summary() for found in self._sessions.values()]

    def _session(self, name: str) -> "_Session":
        if (found := self._sessions.get(name)) is None:
            known = ", ".join(self._sessions) or "none"
            raise ToolError(f"There is no session {name}; there are: {known}.")
        return found

    def _free_name(self, wanted: str | None) -> str:
        """A name for a new session. An ended one gives its name up, and the oldest ended ones their place."""
        ended = [name for name, found in self._sessions.items() if not found.running]
        if len(self._sessions) - len(ended) >= MAX_RUNNING:
            raise ToolError(f"{MAX_RUNNING} sessions are running; stop one first.")
        if wanted is not None and not _NAME.fullmatch(wanted):
            raise ToolError("A session's name is letters, digits, dots, dashes and underscores.")
        if wanted in self._sessions and wanted not in ended:
            raise ToolError(f"{wanted} is running already; shell_write writes into it.")
        surplus = ended[: max(0, len(self._sessions) - MAX_KEPT + 1)]
        for name in {*surplus, *({wanted} & set(ended))}:
            self._sessions.pop(str(name)).process.close()
        while wanted is None or wanted in self._sessions:
            self._count += 1
            wanted = f"shell-{self._count}"
        return wanted


class _Session:
    def __init__(self, name: str, command: str, cwd: str, process: Process) -> None:
        self.name, self.command, self.cwd, self.process = name, command, cwd, process
        self._started = time.monotonic()
        self._watch = asyncio.create_task(self._end())

    async def _end(self) -> None:
        await self.process.wait()
        self.process.output.changed.set()

    @property
    def running(self) -> bool:
        return not self._watch.done()

    async def settle(self, after: int, seconds: float) -> None:
        """Wait for the end, or for output beyond `after` that has been silent for a moment."""
        output, deadline = self.process.output, time.monotonic() + seconds
        while self.running and (left := deadline - time.monotonic()) > 0:
            seen = output.end
            output.changed.clear()
            quiet = min(left, 0.3) if seen > after else left
            try:
                await asyncio.wait_for(output.changed.wait(), quiet)
            except TimeoutError:
                if seen > after:
                    return
        if not self.running:
            await self._watch

    def state(self, after: int | None) -> ShellState:
        output = self.process.output
        wanted = max(0, output.end - MAX_OUTPUT) if after is None else after
        text, start, end = output.part(wanted, MAX_OUTPUT)
        return ShellState(
            session=self.name,
            running=self.running,
            exit_code=None if self.running else self.process.exit_code,
            output=text,
            start=start,
            end=end,
            more=end < output.end,
            dropped=start > wanted or (after is None and start > 0),
        )

    def summary(self) -> ShellSummary:
        return ShellSummary(
            session=self.name,
            command=self.command[:500],
            cwd=self.cwd,
            pid=self.process.pid,
            running=self.running,
            exit_code=None if self.running else self.process.exit_code,
            age_seconds=round(time.monotonic() - self._started, 3),
        )


def _environment(more: dict[str, str]) -> dict[str, str]:
    """The server's own variables without those of its Python, which would break the sandbox's; a terminal that only prints."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OWN}
    return {**inherited, "TERM": "dumb", "PS1": "$ ", **more}
