"""Limits and freezing by control groups, version 1, 2 or both; without a writable hierarchy the rlimits must do.

A group is made inside the host's own group, so that what limits the host limits its boxes too.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox_host.config import Limits

_FREEZE_SECONDS = 5.0
_V1 = ("memory", "pids", "cpu", "cpuacct", "freezer")
# Short, so that a box that has used up its share does not hold its neighbours up for long before it is stopped.
_PERIOD_US = 20_000
# However much it may use: some of the machine is left to the host and to the other boxes.
_MOST_OF_THE_MACHINE = 0.75


@dataclass(frozen=True)
class Hierarchies:
    """Where our groups are made: a folder for each controller. `freezer` may live in another version than the rest."""

    folders: dict[str, Path]
    v2: frozenset[str]

    def has(self, controller: str) -> bool:
        return controller in self.folders

    def describe(self) -> str:
        return ", ".join(f"{name} (v{2 if name in self.v2 else 1})" for name in sorted(self.folders)) or "none"

    def group(self, name: str, limits: Limits) -> "Group":
        group = Group(self, name)
        group.make(limits)
        return group

    def sweep(self) -> None:
        """End and remove what an earlier host of the same name left behind."""
        for folder in set(self.folders.values()):
            for left in [child for child in folder.iterdir() if child.is_dir()]:
                Group(self, left.name).destroy()

    def remove(self) -> None:
        for folder in set(self.folders.values()):
            with suppress(OSError):
                folder.rmdir()


def find(name: str) -> Hierarchies:
    """The hierarchies in which this process may make groups, with a parent group of that name in each."""
    mounts = _mounts()
    own = _own_groups(mounts)
    folders: dict[str, Path] = {}
    v2: frozenset[str] = frozenset()
    if "" in own:
        parent, v2 = find_v2(own[""], mounts[""], name)
        folders = dict.fromkeys(v2, parent)
    for controller in _V1:
        within = own.get(controller)
        if within is not None and controller not in folders and (made := _make(within / name)):
            folders[controller] = made
    return Hierarchies(folders, v2)


def _mounts() -> dict[str, Path]:
    """Where each controller of version 1 is mounted, and under the empty name version 2."""
    mounts: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        point = Path(before.split()[4])
        if kind == "cgroup2":
            mounts[""] = point
        elif kind == "cgroup":
            mounts |= {name: point for name in options.split(",") if name in _V1}
    return mounts


def _own_groups(mounts: dict[str, Path]) -> dict[str, Path]:
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in mounts and not path.startswith("/.."):
                own[name] = mounts[name] / path.lstrip("/")
    return own


def _make(folder: Path) -> Path | None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def find_v2(own: Path, root: Path, name: str) -> tuple[Path, frozenset[str]]:
    """A parent group in version 2 and its controllers: in our own group if that may have any, else at the root of the tree."""
    best, controllers = own / name, frozenset[str]()
    for base in dict.fromkeys((own, root)):
        made = _make(base / name)
        if made is None:
            continue
        found = _controllers(base, made)
        if len(found) > len(controllers):
            best, controllers = made, found
    for base in (own, root):
        if base / name != best:
            with suppress(OSError):
                (base / name).rmdir()
    return best, controllers


def _controllers(base: Path, made: Path) -> frozenset[str]:
    """What version 2 gives a group: always its freezer; the rest only if no process lives in the group above it.

    If we are the only one there we move to a leaf. Others' processes are not ours to move.
    """
    given = frozenset({"freezer"})
    offered = set((base / "cgroup.controllers").read_text().split()) & {"memory", "pids", "cpu"}
    if not offered:
        return given
    try:
        if (base / "cgroup.procs").read_text().split() == [str(os.getpid())]:
            leaf = base / "host"
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text(str(os.getpid()))
        for folder in (base, made):
            (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(offered)))
    except OSError:
        return given
    return given | offered


def cpus_of(limits: Limits, cores: int) -> float:
    """How many cores' time a box may use."""
    return min(limits.cpus, cores * _MOST_OF_THE_MACHINE)


class Group:
    """The control groups of one box."""

    def __init__(self, hierarchies: Hierarchies, name: str) -> None:
        self._in = hierarchies
        self._folders = {controller: folder / name for controller, folder in hierarchies.folders.items()}

    def make(self, limits: Limits) -> None:
        for folder in set(self._folders.values()):
            folder.mkdir(exist_ok=True)
        memory = str(limits.memory_mb << 20)
        quota = int(cpus_of(limits, os.cpu_count() or 1) * _PERIOD_US)
        if "memory" in self._in.v2:
            self._write("memory", "memory.max", memory)
            self._write("memory", "memory.swap.max", "0", optional=True)
        else:
            self._write("memory", "memory.limit_in_bytes", memory)
            self._write("memory", "memory.memsw.limit_in_bytes", memory, optional=True)
        self._write("pids", "pids.max", str(limits.processes))
        if "cpu" in self._in.v2:
            self._write("cpu", "cpu.max", f"{quota} {_PERIOD_US}")
        else:
            self._write("cpu", "cpu.cfs_period_us", str(_PERIOD_US))
            self._write("cpu", "cpu.cfs_quota_us", str(quota))

    def _write(self, controller: str, file: str, value: str, *, optional: bool = False) -> None:
        if controller not in self._folders:
            return
        try:
            (self._folders[controller] / file).write_text(value)
        except OSError:
            if not optional:
                raise

    def add(self, pid: int) -> None:
        for folder in set(self._folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    async def freeze(self) -> bool:
        """Stop every process of the group; False where there is no freezer."""
        return await self._set_frozen(frozen=True)

    async def thaw(self) -> bool:
        return await self._set_frozen(frozen=False)

    async def _set_frozen(self, *, frozen: bool) -> bool:
        folder = self._folders.get("freezer")
        if folder is None:
            return False
        if "freezer" in self._in.v2:
            (folder / "cgroup.freeze").write_text("1" if frozen else "0")
            wanted = f"frozen {int(frozen)}"
            file = folder / "cgroup.events"
        else:
            state = "FROZEN" if frozen else "THAWED"
            (folder / "freezer.state").write_text(state)
            wanted, file = f"{state}\n", folder / "freezer.state"
        give_up_at = time.monotonic() + _FREEZE_SECONDS
        while wanted not in file.read_text():
            if time.monotonic() > give_up_at:
                raise TimeoutError("the processes could not be frozen")
            await asyncio.sleep(0.001)
        return True

    def memory_used(self) -> int | None:
        """Bytes, the page cache included."""
        name = "memory.current" if "memory" in self._in.v2 else "memory.usage_in_bytes"
        return self._number("memory", name)

    def memory_cached(self) -> int:
        folder = self._folders.get("memory")
        if folder is None:
            return 0
        wanted = "file" if "memory" in self._in.v2 else "cache"
        with suppress(OSError):
            for line in (folder / "memory.stat").read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == wanted:
                    return int(value)
        return 0

    def cpu_seconds(self) -> float | None:
        if "cpu" in self._in.v2:
            with suppress(OSError):
                text = (self._folders["cpu"] / "cpu.stat").read_text()
                return int(text.split()[1]) / 1e6
        nanoseconds = self._number("cpuacct", "cpuacct.usage")
        return None if nanoseconds is None else nanoseconds / 1e9

    def _number(self, controller: str, file: str) -> int | None:
        folder = self._folders.get(controller)
        if folder is None:
            return None
        try:
            return int((folder / file).read_text())
        except (OSError, ValueError):
            return None

    def destroy(self) -> None:
        """Kill what is still in it, and remove it; waits at most a second for the dying."""
        give_up_at = time.monotonic() + 1
        with suppress(OSError):
            if (freezer := self._folders.get("freezer")) and "freezer" not in self._in.v2:
                (freezer / "freezer.state").write_text("THAWED")
        while not self._removed() and time.monotonic() < give_up_at:
            time.sleep(0.002)

    def _removed(self) -> bool:
        for folder in set(self._folders.values()):
            try:
                for pid in (folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True
