"""The programs of a template in its box: started with it and again when they end, or by a request; ready when their port answers."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sandbox_host.commands import Commands, Ended, Wanted
from sandbox_host.errors import BoxError
from sandbox_host.jail import Jail
from sandbox_host.templates import Start, Template

_AGAIN_SECONDS = 1.0
_SHORT_LIVES = 5
_LONG_SECONDS = 60.0
_POLL_SECONDS = 0.05


class Services:
    """The start commands of one box."""

    def __init__(self, template: Template, commands: Commands, jail: Jail) -> None:
        starts = template.start if template.missing() is None else ()
        self._programs = {start.port: _Program(start, commands, jail) for start in starts}

    def stop(self) -> None:
        for program in self._programs.values():
            program.stop()

    async def ready(self, port: int) -> None:
        """Wait for the program on this port; after its own time the caller finds out for itself."""
        if program := self._programs.get(port):
            await program.ready()


class _Program:
    """One start command: kept running from the beginning, or run once at a time, from a request to its own end."""

    def __init__(self, start: Start, commands: Commands, jail: Jail) -> None:
        self._start, self._commands, self._jail = start, commands, jail
        self._settled = asyncio.Event()  # it answers, or it has ended: there is nothing to wait for
        self._life: asyncio.Task[None] | None = None
        if not start.on_request:
            self._begin(self._keep)

    def _begin(self, run: Callable[[], Awaitable[None]]) -> None:
        self._settled.clear()
        self._life = asyncio.create_task(self._live(run))

    def _lives(self) -> bool:
        return self._life is not None and not self._life.done()

    def stop(self) -> None:
        if self._life is not None:
            self._life.cancel()

    async def ready(self) -> None:
        if self._start.on_request:
            await self._wake()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), self._start.ready_seconds)

    async def _wake(self) -> None:
        """Start it, unless it runs or another program of the box has its port."""
        if self._lives():
            return
        is_taken = await self._listens()
        if self._lives():  # another request was quicker
            return
        if is_taken:
            self._settled.set()
        else:
            self._begin(self._run)

    async def _live(self, run: Callable[[], Awaitable[None]]) -> None:
        check = asyncio.create_task(self._check())
        try:
            await run()
        finally:
            check.cancel()
            self._settled.set()

    async def _keep(self) -> None:
        short_lives = 0
        while short_lives < _SHORT_LIVES:
            began = time.monotonic()
            await self._run()
            short_lives = 0 if time.monotonic() - began > _LONG_SECONDS else short_lives + 1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _run(self) -> None:
        with suppress(BoxError):
            command = await self._commands.start(_logged(self._start))
            listener = command.listen()
            while not isinstance(await listener.queue.get(), Ended):
                pass

    async def _check(self) -> None:
        while not await self._answers():  # noqa: ASYNC110  # a port has no event
            await asyncio.sleep(_POLL_SECONDS)
        self._settled.set()

    async def _listens(self) -> bool:
        try:
            connection = await self._jail.dial(self._start.port)
        except BoxError:
            return False
        connection.close()
        return True

    async def _answers(self) -> bool:
        if self._start.health is None:
            return await self._listens()
        try:
            connection = await self._jail.dial(self._start.port)
        except BoxError:
            return False
        return await _healthy(connection, self._start)


def _logged(start: Start) -> Wanted:
    """Its output goes to a file of the box, where whoever wonders can read it."""
    argv = ("/bin/sh", "-c", 'exec "$@" >>"$0" 2>&1', f"/tmp/{start.name}.log", *start.argv)  # noqa: S108
    return Wanted(argv=argv, env=start.env, tag=f"service-{start.name}")


async def _healthy(connection: socket.socket, start: Start) -> bool:
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        writer.write(
            f"GET {start.health} HTTP/1.1\r\nHost: localhost:{start.port}\r\nConnection: close\r\n\r\n".encode()
        )
        line = await asyncio.wait_for(reader.readline(), 5)
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        writer.close()
    return b" 200 " in line
