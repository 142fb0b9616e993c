"""One sandbox: its record, its disk, and its box while it runs."""

import asyncio
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sandbox_host.cgroups import Group
from sandbox_host.commands import Commands
from sandbox_host.disks import Disk
from sandbox_host.egress import Egress
from sandbox_host.errors import BoxError, BoxGone
from sandbox_host.isolation import Isolation
from sandbox_host.jail import Jail, JailSpec
from sandbox_host.records import Record
from sandbox_host.services import Services
from sandbox_host.templates import Template

METRIC_SECONDS = 5.0
_METRICS_KEPT = 720
_STOP_ROUNDS = 50


@dataclass(frozen=True)
class Metric:
    """Bytes, and the CPU as a percentage of one core."""

    at: float
    cpu_percent: float
    memory_used: int
    memory_cached: int
    disk_used: int
    disk_total: int


class Sandbox:
    """`on_death` is called when the box ends without having been asked to."""

    def __init__(
        self, record: Record, template: Template, isolation: Isolation, disk: Disk, on_death: Callable[[str], None]
    ) -> None:
        self.record, self.template = record, template
        self._isolation, self._disk, self._on_death = isolation, disk, on_death
        self.lock = asyncio.Lock()
        self.metrics: deque[Metric] = deque(maxlen=_METRICS_KEPT)
        self.watchers: dict[int, Callable[[list[dict[str, Any]]], None]] = {}
        self._group: Group | None = None
        self._jail: Jail | None = None
        self._commands: Commands | None = None
        self._services: Services | None = None
        self._egress: Egress | None = None
        self._cpu: tuple[float, float] | None = None
        self._ending = False

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def has_box(self) -> bool:
        return self._jail is not None

    @property
    def init_pid(self) -> int | None:
        return self._jail.init_pid if self._jail else None

    @property
    def jail(self) -> Jail:
        """The running box.

        Raises:
            BoxGone: there is none.
        """
        if self._jail is None:
            raise BoxGone
        return self._jail

    @property
    def commands(self) -> Commands:
        if self._commands is None:
            raise BoxGone
        return self._commands

    async def boot(self) -> None:
        """Start the box on its disk, and the template's programs in it.

        Raises:
            BootFailed: it did not come up; nothing is left running.
        """
        self._ending = False
        try:
            await self._boot()
        except BaseException:
            await self.stop()
            raise

    async def _boot(self) -> None:
        isolation, record = self._isolation, self.record
        await asyncio.to_thread(self._disk.open)
        self._group = isolation.groups.group(record.id, record.limits)
        spec = JailSpec(
            disk=self._disk.root,
            owner=isolation.owner(record.slot),
            group=self._group,
            env=self._environment(),
            rlimits=isolation.rlimits(record.limits),
            mounts=self._mounts(),
        )
        self._jail = await Jail.boot(
            isolation.bwrap, isolation.layout, spec, isolation.program, self._heard, self._ended
        )
        await self._open_egress()
        self._commands = Commands(self._jail.link)
        self._services = Services(self.template, self._commands, self._jail)

    async def _open_egress(self) -> None:
        """Before anything runs in the box."""
        tools, first = self._isolation.egress, self.init_pid
        if self.record.internet and tools is not None and first is not None:
            self._egress = await Egress.open(tools, first, self._isolation.owner(self.record.slot))

    def _mounts(self) -> list[tuple[Path, str]]:
        layout = self._isolation.layout
        show = layout.show
        more = [(layout.resolver, "/etc/resolv.conf")] if self.record.internet else []
        return more + [
            (show(mount.source, f"templates/{self.template.id}/{number}"), mount.target)
            for number, mount in enumerate(self.template.mounts)
            if mount.source.is_dir()
        ]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": self._isolation.layout.path,
            "HOME": "/home/user",
            "USER": "user",
            "LOGNAME": "user",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "E2B_SANDBOX": "true",
            "E2B_SANDBOX_ID": self.record.id,
            "E2B_TEMPLATE_ID": self.record.template,
            **self.template.env,
            **self.record.env,
        }

    def _heard(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "exit" if self._commands is not None:
                self._commands.exited(int(event["pid"]), int(event["status"]))
            case "watch":
                if tell := self.watchers.get(event["watch"]):
                    tell(event["events"])

    def _ended(self) -> None:
        if self._commands is not None:
            self._commands.lose()
        for tell in list(self.watchers.values()):
            tell([])
        if not self._ending:
            self._on_death(self.id)

    async def stop(self) -> None:
        """End the box; its disk stays. Nothing of it is left: no process, no mount, no control group."""
        self._ending = True
        if self._services is not None:
            self._services.stop()
        if self._jail is not None:
            await self._jail.end()
        if self._egress is not None:
            self._egress.close()
        self._jail = self._commands = self._services = self._egress = self._cpu = None
        if self._group is not None:
            await asyncio.to_thread(self._group.destroy)
            self._group = None
        await asyncio.to_thread(self._disk.close)

    async def freeze(self) -> None:
        """Stop every process where it stands; its memory stays."""
        if self._group is not None and not await self._group.freeze():
            await self._signal_all(signal.SIGSTOP)

    async def thaw(self) -> None:
        if self._group is not None and not await self._group.thaw():
            await self._signal_all(signal.SIGCONT)

    async def _signal_all(self, number: signal.Signals) -> None:
        """Without a freezer: signal everyone, again until nobody new has appeared meanwhile."""
        seen: set[int] = set()
        for _ in range(_STOP_ROUNDS):
            with suppress(psutil.NoSuchProcess):
                first = psutil.Process(self.jail.init_pid)
                new = {process.pid for process in (first, *first.children(recursive=True))} - seen
                for pid in new:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                seen |= new
                if not new:
                    return
            await asyncio.sleep(0)

    async def service_ready(self, port: int) -> None:
        """Wait for a program of the template that serves this port; at once when none does."""
        if self._services is not None:
            await self._services.ready(port)

    async def measure(self) -> Metric:
        """What it uses now; CPU since the last time."""
        now, group = time.time(), self._group
        used, total = await asyncio.to_thread(self._disk.usage)
        cpu = group.cpu_seconds() if group else None
        percent = 0.0
        if cpu is None:
            memory, percent = self._measure_processes()
        else:
            memory = (group.memory_used() if group else None) or 0
            if self._cpu is not None and now > self._cpu[0]:
                percent = max(0.0, 100 * (cpu - self._cpu[1]) / (now - self._cpu[0]))
            self._cpu = (now, cpu)
        cached = group.memory_cached() if group else 0
        metric = Metric(now, percent, max(0, memory - cached), cached, used, total)
        self.metrics.append(metric)
        return metric

    def _measure_processes(self) -> tuple[int, float]:
        memory, percent = 0, 0.0
        if self._jail is None or self._jail.init_pid is None:
            return memory, percent
        with suppress(psutil.Error):
            first = psutil.Process(self._jail.init_pid)
            for process in (first, *first.children(recursive=True)):
                with suppress(psutil.Error):
                    memory += process.memory_info().rss
                    percent += process.cpu_percent(0)
        return memory, percent

    async def hold_quota(self) -> None:
        """Where the kernel does not hold the disk's size: end the programs that have filled it."""
        if self._isolation.disks.holds_quota or self._jail is None:
            return
        used, total = await asyncio.to_thread(self._disk.usage)
        if used > total:
            with suppress(BoxError):
                await self._jail.link.ask("end_all")
