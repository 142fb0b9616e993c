"""Pipes of the event loop: read what is there, write all, never block."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import suppress

CHUNK = 1 << 18
_SIZE = 1 << 20


def pipe(*, size: int | None = None) -> tuple[int, int]:
    """A pipe whose ends are closed on exec; the kernel may refuse a larger buffer, which is no harm."""
    read, write = os.pipe2(os.O_CLOEXEC)
    if size is not None:
        with suppress(OSError):
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, size)
    return read, write


def large_pipe() -> tuple[int, int]:
    return pipe(size=_SIZE)


async def readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def read(fd: int, size: int = CHUNK) -> bytes:
    """What is there, at most `size` bytes; empty at the end. A terminal whose other side closed is at its end too."""
    while True:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            await readable(fd)
        except OSError as error:
            if error.errno == 5:  # noqa: PLR2004  # EIO
                return b""
            raise


async def chunks(fd: int, size: int = CHUNK) -> AsyncIterator[bytes]:
    while data := await read(fd, size):
        yield data


async def write_all(fd: int, data: bytes) -> None:
    """Write everything.

    Raises:
        BrokenPipeError: nobody reads.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            await writable(fd)
