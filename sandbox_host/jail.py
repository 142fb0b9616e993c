"""One bubblewrap jail: its arguments, its start, its end. Nothing is run in any other way."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox_host import pipes
from sandbox_host.box import wire
from sandbox_host.cgroups import Group
from sandbox_host.errors import BootFailed, BoxGone
from sandbox_host.layout import Layout
from sandbox_host.link import AgentLink

BOOT_SECONDS = 20.0
END_SECONDS = 5.0
_INSIDE_ID = "1000"
_STDERR_BYTES = 4096
_RUN = "import sys; sys.path.insert(0, '/run/sandbox'); from box.agent import main; main()"


@dataclass(frozen=True)
class JailSpec:
    """What one box is made of: `owner` is the host's user id that it runs as, None for the host's own."""

    disk: Path
    owner: int | None
    group: Group
    env: dict[str, str]
    rlimits: dict[str, int]
    mounts: Sequence[tuple[Path, str]] = field(default=())


def bubblewrap_arguments(layout: Layout, spec: JailSpec, *, seccomp_fd: int, info_fd: int) -> list[str]:
    home, tmp, var_tmp = (str(spec.disk / name) for name in ("home", "tmp", "var-tmp"))
    arguments = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    arguments += ["--uid", _INSIDE_ID, "--gid", _INSIDE_ID, "--hostname", "sandbox", "--cap-drop", "ALL"]
    arguments += ["--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    arguments += ["--info-fd", str(info_fd), "--seccomp", str(seccomp_fd)]
    arguments += [*layout.arguments]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(64 << 20), "--tmpfs", "/dev/shm"]  # noqa: S108
    arguments += ["--bind", home, "/home/user", "--bind", tmp, "/tmp", "--bind", var_tmp, "/var/tmp"]  # noqa: S108
    for source, target in spec.mounts:
        arguments += ["--ro-bind", str(source), target]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/home/user"]
    return arguments


class Jail:
    """A running box. `on_event` and `on_end` are called by the event loop; `on_end` once, however it ended."""

    def __init__(self, process: subprocess.Popen[bytes], spec: JailSpec) -> None:
        self._process, self._spec = process, spec
        self._init_pid: int | None = None
        self._init: int | None = None  # its pidfd
        self._stderr = b""
        self.link: AgentLink
        self.ended = asyncio.Event()

    @property
    def init_pid(self) -> int | None:
        """The host's number of the box's first process."""
        return self._init_pid

    @classmethod
    async def boot(
        cls,
        bwrap: Path,
        layout: Layout,
        spec: JailSpec,
        program: bytes,
        on_event: Callable[[dict[str, Any]], None],
        on_end: Callable[[], None],
    ) -> "Jail":
        """Start a box and wait until its agent answers.

        Raises:
            BootFailed: bubblewrap or the agent said no; the message holds the end of what they wrote.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        info, info_w = pipes.pipe()
        try:
            with theirs:
                process = _start(bwrap, layout, spec, program, theirs.fileno(), info_w)
        except BaseException:
            ours.close()
            os.close(info)
            raise
        finally:
            os.close(info_w)
        jail = cls(process, spec)
        try:
            await jail._greet(ours, info, on_event, on_end)
        except (BootFailed, OSError, TimeoutError, ValueError, KeyError) as error:
            await jail.end()
            raise BootFailed(f"the sandbox did not start: {jail.last_words() or error}") from None
        except BaseException:  # whoever waited for it has left
            await jail.end()
            raise
        finally:
            os.close(info)
        return jail

    async def _greet(
        self, ours: socket.socket, info: int, on_event: Callable[[dict[str, Any]], None], on_end: Callable[[], None]
    ) -> None:
        said_hello = asyncio.Event()

        def heard(event: dict[str, Any]) -> None:
            if event["event"] == "hello":
                said_hello.set()
            else:
                on_event(event)

        def lost() -> None:
            self._lost(on_end)
            said_hello.set()

        self.link = AgentLink(ours, heard, lost)
        ours.send(wire.encode({"env": self._spec.env, "rlimits": self._spec.rlimits}))
        self._drain_stderr()
        async with asyncio.timeout(BOOT_SECONDS):
            await self._adopt(info)
            await said_hello.wait()
        self._check_alive()

    def _check_alive(self) -> None:
        if self.ended.is_set():
            raise BootFailed("the box ended at once")

    async def _adopt(self, info: int) -> None:
        """Learn the box's first process and put both it and bubblewrap into the control group, before anything runs in it."""
        os.set_blocking(info, False)
        text = b"".join([chunk async for chunk in pipes.chunks(info)])
        if not text:
            raise BootFailed("bubblewrap ended at once")
        self._init_pid = int(json.loads(text)["child-pid"])
        self._init = os.pidfd_open(self._init_pid)
        self._spec.group.add(self._init_pid)

    def _drain_stderr(self) -> None:
        stderr = self._process.stderr
        if stderr is None:
            return
        fd = stderr.fileno()
        os.set_blocking(fd, False)
        loop = asyncio.get_running_loop()

        def drain() -> None:
            try:
                data = os.read(fd, _STDERR_BYTES)
            except BlockingIOError:
                return
            self._stderr = (self._stderr + data)[-_STDERR_BYTES:]
            if not data:
                loop.remove_reader(fd)
                stderr.close()

        loop.add_reader(fd, drain)

    def last_words(self) -> str:
        return " | ".join(self._stderr.decode(errors="replace").strip().splitlines()[-3:])

    def _lost(self, on_end: Callable[[], None]) -> None:
        self._kill()
        self.ended.set()
        on_end()

    def _kill(self) -> None:
        """The namespace's first process goes before its bubblewrap: with it the kernel ends every process of the box."""
        if self._init is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)
        elif self._process.poll() is None:
            self._process.kill()

    async def end(self) -> None:
        """End every process of the box and wait until they are gone."""
        self._kill()
        self.link.close()
        await self._spec.group.thaw()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._exited()
        except TimeoutError:
            self._process.kill()
            await self._exited()
        if self._init is not None:
            os.close(self._init)
            self._init = None

    async def _exited(self) -> None:
        """Wait for bubblewrap: it ends after the box's first process, whose end is that of all others."""
        try:
            watch = os.pidfd_open(self._process.pid)
        except ProcessLookupError:
            self._process.wait()
            return
        try:
            await pipes.readable(watch)
        finally:
            os.close(watch)
        self._process.wait()

    async def dial(self, port: int) -> socket.socket:
        """A TCP connection to a port of the box, made inside it; only its descriptor comes out.

        Raises:
            BoxError: nothing listens there.
            BoxGone: the box ended, or sent something else than a connection.
        """
        with self.link.call("dial", port=port) as call:
            _, fds = await call.answer()
        connections = [socket.socket(fileno=fd) for fd in fds]
        first = connections[0] if connections else None
        for more in connections[1:]:
            more.close()
        if first is None or first.family not in {socket.AF_INET, socket.AF_INET6} or first.type != socket.SOCK_STREAM:
            if first is not None:
                first.close()
            raise BoxGone
        first.setblocking(False)  # noqa: FBT003
        return first


def _start(
    bwrap: Path, layout: Layout, spec: JailSpec, program: bytes, sock: int, info: int
) -> subprocess.Popen[bytes]:
    """Spawned by the main thread: die-with-parent follows the thread that spawned."""
    seccomp, seccomp_w = pipes.pipe()
    try:
        os.write(seccomp_w, program)  # smaller than a pipe's buffer
        os.close(seccomp_w)
        arguments = bubblewrap_arguments(layout, spec, seccomp_fd=seccomp, info_fd=info)
        python = [layout.python, "-I", "-S", "-B", "-W", "ignore", "-c", _RUN, str(sock)]
        return subprocess.Popen(  # noqa: S603  # the command is ours
            [str(bwrap), *arguments, "--", *python],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            user=spec.owner,
            group=spec.owner,
            extra_groups=[] if spec.owner is not None else None,
            pass_fds=(sock, seccomp, info),
        )
    finally:
        os.close(seccomp)
