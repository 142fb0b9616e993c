"""A server process of ours: started in a session of its own, waited for, stopped, and killed if it must be."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 15.0


class StackError(RuntimeError):
    """An embedded server could not be started; the message says which and why, in one line."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_free(port: int, name: str, setting: str) -> None:
    """Refuse a taken port in plain words.

    Raises:
        StackError: something listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackError(f"Port {port} for {name} is taken. Stop what uses it, or set {setting}.") from None


class ServerProcess:
    """One child, with its output in a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], Awaitable[bool]],
        stop_signal: signal.Signals = signal.SIGTERM,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name, self._command, self._log, self._ready = name, list(command), log, ready
        self._stop_signal, self._env, self._user, self._cwd = stop_signal, env, user, cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Start and wait until it is ready.

        Raises:
            StackError: it ended or was not ready in time; the end of its log is in the message.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603  # the fork is a millisecond; the command is ours
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self._env) if self._env is not None else None,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user is not None else None,
                cwd=self._cwd,
                start_new_session=True,
            )
        give_up_at = time.monotonic() + START_SECONDS
        while not await self._ready():
            if self._process.poll() is not None:
                raise StackError(f"{self.name} ended at once: {self._tail()}")
            if time.monotonic() > give_up_at:
                await self.stop()
                raise StackError(f"{self.name} was not ready in {START_SECONDS:.0f} s: {self._tail()}")
            await asyncio.sleep(0.05)

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        return " | ".join(lines) or "its log is empty"

    async def stop(self) -> None:
        """Ask it to stop, and kill it after 15 seconds."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(self._stop_signal)
        give_up_at = time.monotonic() + STOP_SECONDS
        while process.poll() is None and time.monotonic() < give_up_at:  # noqa: ASYNC110  # a child has no event
            await asyncio.sleep(0.05)
        if process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to it and its children, as a crash would."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def accepts(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
