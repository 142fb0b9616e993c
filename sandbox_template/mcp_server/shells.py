"""Shell sessions: programs that live on between calls."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from .errors import as_tool_errors
from .paths import Paths
from .processes import Process
from .sessions import CommandEnd, Session, ShellState, ShellSummary

MAX_RUNNING = 32
MAX_KEPT = 64
MAX_WAIT = 120.0
MAX_RUN_SECONDS = 200
STOP_GRACE_SECONDS = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")

SessionName = Annotated[str, Field(min_length=1, max_length=64, description="as shell_start named it")]
Wait = Annotated[float, Field(ge=0, le=MAX_WAIT, description="seconds to wait for more output or for the end")]


class Shells:
    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._sessions: dict[str, Session] = {}
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

    async def shell_run(
        self,
        command: Annotated[str, Field(min_length=1, max_length=100_000, description="run by bash -c, without input")],
        cwd: Annotated[str | None, Field(description="absolute folder; the root otherwise")] = None,
        env: Annotated[dict[str, str] | None, Field(description="variables beside the inherited ones")] = None,
        session: Annotated[str | None, Field(max_length=64, description="a name for it; one is made otherwise")] = None,
        timeout_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS, description="after which it is killed")] = 120,
    ) -> CommandEnd:
        """Run a command and wait for its end. What takes longer, serves or asks is for shell_start."""
        found = await self._begin(command, session, cwd, env, is_pty=False)
        found.process.close_input()
        try:
            timed_out = not await found.ended(timeout_seconds)
        except asyncio.CancelledError:
            await found.process.stop(STOP_GRACE_SECONDS)
            raise
        if timed_out:
            await found.process.stop(STOP_GRACE_SECONDS)
        return found.end(timed_out=timed_out)

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
        made = await self._begin(command, session, cwd, env, is_pty=pty)
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

    async def _begin(
        self, command: str | None, session: str | None, cwd: str | None, env: dict[str, str] | None, *, is_pty: bool
    ) -> Session:
        name = self._free_name(session)
        folder = self._paths.root if cwd is None else self._paths.of(cwd)
        argv = ["bash", "-c", command] if command is not None else ["bash", "--norc", "-i"]
        with as_tool_errors(folder):
            process = await Process.start(argv, cwd=folder, env=_environment(env or {}), is_pty=is_pty)
        made = Session(name, command or "bash", str(folder), process)
        self._sessions[name] = made
        return made

    def _session(self, name: str) -> Session:
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


def _environment(more: dict[str, str]) -> dict[str, str]:
    """The server's own variables without those of its Python, which would break the sandbox's; a terminal that only prints."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OWN}
    return {**inherited, "TERM": "dumb", "PS1": "$ ", **more}
