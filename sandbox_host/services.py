"""The programs that a template starts in its box: started with it, started again when they end, ready when their port answers."""

import asyncio
import socket
import time
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
        self._commands, self._jail = commands, jail
        self._ready: dict[int, tuple[asyncio.Event, float]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        if template.missing() is not None:
            return
        for start in template.start:
            ready = asyncio.Event()
            self._ready[start.port] = (ready, start.ready_seconds)
            self._tasks += [asyncio.create_task(self._keep(start)), asyncio.create_task(self._check(start, ready))]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def ready(self, port: int) -> None:
        """Wait for the program on this port; after its own time the caller finds out for itself."""
        if waiting := self._ready.get(port):
            event, seconds = waiting
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)

    async def _keep(self, start: Start) -> None:
        short_lives = 0
        while short_lives < _SHORT_LIVES:
            began = time.monotonic()
            with suppress(BoxError):
                command = await self._commands.start(_logged(start))
                listener = command.listen()
                while not isinstance(await listener.queue.get(), Ended):
                    pass
            short_lives = 0 if time.monotonic() - began > _LONG_SECONDS else short_lives + 1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _check(self, start: Start, ready: asyncio.Event) -> None:
        while not await self._answers(start):  # noqa: ASYNC110  # a port has no event
            await asyncio.sleep(_POLL_SECONDS)
        ready.set()

    async def _answers(self, start: Start) -> bool:
        try:
            connection = await self._jail.dial(start.port)
        except BoxError:
            return False
        if start.health is None:
            connection.close()
            return True
        return await _healthy(connection, start)


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
