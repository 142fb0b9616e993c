"""A way out for a box that asked for it: slirp4netns in user space, and routes that make everything but public addresses unreachable.

The routes lie in the box's own network namespace, where its programs, having no capabilities, cannot change them. slirp4netns's own
DNS is off: it would open every port of the host's resolver, which is often on loopback. The box asks a public resolver instead.
"""

import asyncio
import fcntl
import ipaddress
import os
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from sandbox_host import pipes
from sandbox_host.errors import BootFailed, Invalid

_TOOLS = {"slirp4netns": "slirp4netns", "nsenter": "util-linux", "ip": "iproute2"}
_READY_SECONDS = 10.0
_NS_GET_USERNS = 0xB701
_GATEWAY, _ADDRESS = "10.0.2.2", "10.0.2.100"
_UNREACHABLE = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15"
    " 224.0.0.0/4 240.0.0.0/4"
)


def check(resolver: str) -> dict[str, str]:
    """The tools by name.

    Raises:
        Invalid: one is missing, or the resolver is not a public address.
    """
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) for name in _TOOLS}
    if missing := [f"{name} (Debian: {_TOOLS[name]})" for name, where in found.items() if where is None]:
        raise Invalid(f"egress by slirp4netns needs {', '.join(missing)}")
    if not Path("/dev/net/tun").exists():
        raise Invalid("egress by slirp4netns needs /dev/net/tun")
    if any(ipaddress.ip_address(resolver) in ipaddress.ip_network(network) for network in _UNREACHABLE.split()):
        raise Invalid(f"the resolver {resolver} is no public address")
    return {name: where for name, where in found.items() if where is not None}


def _own_addresses() -> set[str]:
    """The host's own: what listens on all of its addresses is not for the boxes, be an address public or not."""
    return {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET
    }


class Egress:
    """One box's way out; ends with the host."""

    def __init__(self, process: subprocess.Popen[bytes], exit_fd: int) -> None:
        self._process, self._exit_fd = process, exit_fd

    @classmethod
    async def open(cls, tools: dict[str, str], init_pid: int, owner: int | None) -> "Egress":
        """Give the box of this first process a network.

        Raises:
            BootFailed: slirp4netns or the routes could not be set.
        """
        network = os.open(f"/proc/{init_pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            user = fcntl.ioctl(network, _NS_GET_USERNS)
        except OSError:
            os.close(network)
            raise
        try:
            egress = await cls._start(tools, network, user, owner)
            try:
                await _set_routes(tools, network, user, owner)
            except BaseException:
                egress.close()
                raise
        finally:
            os.close(user)
            os.close(network)
        return egress

    @classmethod
    async def _start(cls, tools: dict[str, str], network: int, user: int, owner: int | None) -> "Egress":
        ready, ready_w = pipes.pipe()
        exit_r, exit_w = pipes.pipe()
        os.set_blocking(ready, False)
        command = [tools["slirp4netns"], "--disable-host-loopback", "--disable-dns", "--enable-seccomp", "--mtu=65520"]
        command += [f"--ready-fd={ready_w}", f"--exit-fd={exit_r}", f"--userns-path=/proc/self/fd/{user}"]
        command += ["--netns-type=path", f"/proc/self/fd/{network}", "tap0"]
        try:
            process = _spawn(command, owner, (ready_w, exit_r, user, network))
        except BaseException:
            os.close(exit_w)
            os.close(ready)
            raise
        finally:
            os.close(ready_w)
            os.close(exit_r)
        egress = cls(process, exit_w)
        try:
            async with asyncio.timeout(_READY_SECONDS):
                answered = await pipes.read(ready)
        except TimeoutError:
            answered = b""
        finally:
            os.close(ready)
        if not answered:
            egress.close()
            raise BootFailed("slirp4netns did not open a network for the sandbox")
        return egress

    def close(self) -> None:
        if self._exit_fd >= 0:
            os.close(self._exit_fd)
            self._exit_fd = -1
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


def _spawn(
    command: list[str], owner: int | None, fds: tuple[int, ...], stdin: int | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # the command is ours
        command,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        user=owner,
        group=owner,
        extra_groups=[] if owner is not None else None,
        pass_fds=fds,
    )


async def _set_routes(tools: dict[str, str], network: int, user: int, owner: int | None) -> None:
    lines = [f"addr add {_ADDRESS}/32 dev tap0", "link set tap0 up mtu 65520"]
    lines += [f"route add unreachable {there}" for there in (*_UNREACHABLE.split(), *sorted(_own_addresses()))]
    lines += [f"route add default via {_GATEWAY} dev tap0 onlink"]
    text, text_w = pipes.pipe()
    with os.fdopen(text_w, "w") as file:
        file.write("\n".join(lines) + "\n")
    command = [
        tools["nsenter"],
        "--preserve-credentials",
        f"--user=/proc/self/fd/{user}",
        f"--net=/proc/self/fd/{network}",
    ]
    try:
        process = _spawn([*command, tools["ip"], "-batch", "-"], owner, (user, network), stdin=text)
    finally:
        os.close(text)
    code = await asyncio.to_thread(process.wait)
    if code:
        raise BootFailed("the routes that keep the sandbox off private addresses could not be set")
