"""One shell session: a process, and what is told of it."""

import asyncio
import time

from pydantic import BaseModel, Field

from .processes import Process

MAX_OUTPUT = 30_000


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


class CommandEnd(BaseModel):
    """A command's end. Of a long output the beginning and the last are in `output`; shell_view has the rest."""

    session: str
    exit_code: int = Field(description="128 + n after a death by signal n")
    timed_out: bool = Field(description="whether it was killed because its time was up")
    output: str = Field(description="what it wrote to stdout and stderr, as it came")
    left_out: int = Field(description="bytes in the middle of `output` that are left out")


class ShellSummary(BaseModel):
    session: str
    command: str
    cwd: str
    pid: int
    running: bool
    exit_code: int | None
    age_seconds: float


class Session:
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

    async def ended(self, seconds: float) -> bool:
        """Wait for the end; False when it goes on after `seconds`."""
        done, _ = await asyncio.wait([self._watch], timeout=seconds)
        return bool(done)

    def end(self, *, timed_out: bool) -> CommandEnd:
        output = self.process.output
        text, _, seen = output.part(0, MAX_OUTPUT) if output.end <= MAX_OUTPUT else output.beginning()
        tail, rest, _ = output.part(max(seen, output.end - MAX_OUTPUT // 2), MAX_OUTPUT)
        if rest > seen:
            text += f"\n[{rest - seen:,} bytes are left out here.]\n"
        return CommandEnd(
            session=self.name,
            exit_code=self.process.exit_code or 0,
            timed_out=timed_out,
            output=text + tail,
            left_out=rest - seen,
        )

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
