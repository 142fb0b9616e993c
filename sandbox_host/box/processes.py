"""Commands: each the leader of a session of its own, its pipes made by the host; as PID 1 the agent reaps everyone."""

import errno
import fcntl
import os
import signal
import struct
import subprocess
import termios
from typing import Any

from .files import HOME, Refused, refusal, resolve


class Processes:
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running: set[int] = set()

    def spawn(self, request: dict[str, Any], fds: list[int]) -> tuple[int, list[int]]:
        """Start a command: `fds` are its stdin (if wanted), stdout and stderr; of a terminal the master is given back."""
        argv = [str(part) for part in request["argv"]]
        cwd = resolve(request.get("cwd") or HOME)
        if not os.path.isdir(cwd):  # noqa: PTH112
            raise Refused("invalid", f"cwd '{cwd}' does not exist")
        environment = {**self._environment, **request.get("env", {})}
        try:
            if size := request.get("pty"):
                pid, master = _spawn_in_terminal(argv, cwd, environment, size)
                self._running.add(pid)
                return pid, [master]
            pid = _spawn(argv, cwd, environment, fds)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise _unstartable(argv[0], error) from None
        self._running.add(pid)
        return pid, []

    def signal(self, pid: int, number: int) -> None:
        if pid not in self._running:
            raise Refused("not_found", f"process with pid {pid} not found")
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)

    def reap(self) -> list[tuple[int, int]]:
        """The commands that ended, with their wait statuses; orphans are reaped too and told to nobody."""
        ended: list[tuple[int, int]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid in self._running:
                self._running.discard(pid)
                ended.append((pid, status))

    @staticmethod
    def end_all(*, keep: int) -> None:
        """SIGKILL to every process of the box but the agent."""
        if os.getpid() == keep:
            os.kill(-1, signal.SIGKILL)


def _unstartable(name: str, error: Exception) -> Refused:
    if isinstance(error, FileNotFoundError):
        return Refused("invalid", f"{name} was not found")
    if isinstance(error, OSError):
        if error.errno == errno.E2BIG:
            return Refused("invalid", "the command and its environment are too long")
        return refusal(error)
    return Refused("invalid", str(error))


def _spawn(argv: list[str], cwd: str, environment: dict[str, str], fds: list[int]) -> int:
    stdin = fds[0] if len(fds) == 3 else subprocess.DEVNULL  # noqa: PLR2004
    process = subprocess.Popen(  # noqa: S603  # running commands is what a box is for
        argv, stdin=stdin, stdout=fds[-2], stderr=fds[-1], cwd=cwd, env=environment, start_new_session=True
    )
    process.returncode = 0  # reap() waits for it; Popen must not
    return process.pid


def _spawn_in_terminal(argv: list[str], cwd: str, environment: dict[str, str], size: list[int]) -> tuple[int, int]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))
    failed, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.login_tty(slave)
            os.chdir(cwd)
            os.execve(argv[0], argv, environment)  # noqa: S606
        except OSError as error:
            os.write(report, str(error.errno).encode())
        os._exit(127)
    os.close(slave)
    os.close(report)
    with os.fdopen(failed, "rb") as answer:
        number = answer.read()
    if number:
        os.close(master)
        os.waitpid(pid, 0)
        raise OSError(int(number), os.strerror(int(number)), argv[0])
    return pid, master
