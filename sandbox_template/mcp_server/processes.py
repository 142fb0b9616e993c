"""A process on a pseudo-terminal or on pipes, with the last of its output kept."""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

KEPT_BYTES = 1_000_000
BEGINNING_BYTES = 15_000
READ_BYTES = 65_536
COLUMNS, ROWS = 200, 50
# setsid replaces itself by the program: no code of ours runs between fork and exec, where threads make it unsafe.
_IN_TERMINAL = ("setsid", "--ctty")
_SIGNAL_BASE = 128  # as shells report a death by signal


class Output:
    """What a process wrote: its beginning and the last megabyte, addressed by the position of each byte in all that it ever wrote."""

    def __init__(self) -> None:
        self._first, self._kept = bytearray(), bytearray()
        self._start = 0
        self.changed = asyncio.Event()

    @property
    def end(self) -> int:
        return self._start + len(self._kept)

    def add(self, data: bytes) -> None:
        self._first += data[: BEGINNING_BYTES - len(self._first)]
        self._kept += data
        surplus = len(self._kept) - KEPT_BYTES
        if surplus > KEPT_BYTES // 4:  # seldom, so that a flood costs little
            del self._kept[:surplus]
            self._start += surplus
        self.changed.set()

    def beginning(self) -> tuple[str, int, int]:
        """The first of it, however much followed; its start and end."""
        data = bytes(self._first[: _whole_characters(bytes(self._first))])
        return data.decode(errors="replace"), 0, len(data)

    def part(self, after: int, limit: int) -> tuple[str, int, int]:
        """The text from position `after` on, at most `limit` bytes; its true start and end."""
        start = min(max(after, self._start), self.end)
        data = bytes(self._kept[start - self._start : start - self._start + limit])
        if start + len(data) < self.end:
            data = data[: _whole_characters(data)]
        return data.decode(errors="replace"), start, start + len(data)


def _whole_characters(data: bytes) -> int:
    """How many of the bytes make whole UTF-8 characters; all of them when the end is no UTF-8 anyway."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:  # noqa: PLR2004  # a byte that begins a character
            size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004  # UTF-8's own
            return len(data) - back if size > back and len(data) > back else len(data)
    return len(data)


class Process:
    """One running program and its descendants: a session of their own, so that a signal reaches them all."""

    def __init__(self, process: asyncio.subprocess.Process, write_fd: int, read_fd: int, *, is_pty: bool) -> None:
        self._process, self._write_fd, self._read_fd = process, write_fd, read_fd
        self.is_pty = is_pty
        self.output = Output()
        self.drained = asyncio.Event()
        asyncio.get_running_loop().add_reader(read_fd, self._read)

    @classmethod
    async def start(cls, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], is_pty: bool) -> "Process":
        """Start a program.

        Raises:
            OSError: it cannot be started.
        """
        if is_pty:
            ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            read_fd, write_fd, child_in, child_out = ours, ours, theirs, theirs
        else:
            read_fd, child_out = os.pipe()
            child_in, write_fd = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(_IN_TERMINAL if is_pty else ()),
                *command,
                stdin=child_in,
                stdout=child_out,
                stderr=child_out,
                cwd=cwd,
                env=dict(env),
                start_new_session=not is_pty,
            )
        except BaseException:
            for fd in {read_fd, write_fd}:
                os.close(fd)
            raise
        finally:
            for fd in {child_in, child_out}:
                os.close(fd)
        for fd in {read_fd, write_fd}:
            os.set_blocking(fd, False)
        return cls(process, write_fd, read_fd, is_pty=is_pty)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 + n for a death by signal n."""
        code = self._process.returncode
        return code if code is None or code >= 0 else _SIGNAL_BASE - code

    async def wait(self) -> None:
        await self._process.wait()
        with contextlib.suppress(TimeoutError):  # a descendant may hold the output open
            await asyncio.wait_for(self.drained.wait(), 0.2)

    async def write(self, data: bytes) -> None:
        """Type `data`, as fast as the program reads it.

        Raises:
            OSError: it does not read any more.
        """
        while data:
            try:
                data = data[os.write(self._write_fd, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.02)

    def close_input(self) -> None:
        if not self.is_pty and self._write_fd >= 0:
            os.close(self._write_fd)
            self._write_fd = -1

    async def stop(self, grace_seconds: float) -> None:
        """End it and its descendants: asked first, killed after the grace."""
        self._signal(signal.SIGHUP if self.is_pty else signal.SIGTERM)
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), grace_seconds)
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)
        await self.wait()

    def close(self) -> None:
        """Let go of its files; what descendants still write is lost."""
        if self._read_fd < 0:
            return
        asyncio.get_running_loop().remove_reader(self._read_fd)
        for fd in {self._read_fd, self._write_fd} - {-1}:
            os.close(fd)
        self._read_fd = self._write_fd = -1
        self.drained.set()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        try:
            data = os.read(self._read_fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last holder of the terminal has closed it
            data = b""
        if data:
            self.output.add(data)
        else:
            asyncio.get_running_loop().remove_reader(self._read_fd)
            self.drained.set()
            self.output.changed.set()
