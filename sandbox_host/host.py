"""All sandboxes of this host: made, connected to, paused, copied, ended, each change kept on disk before it is told."""

import asyncio
import shutil
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import structlog

from sandbox_host.bodies import DEFAULT_SECONDS
from sandbox_host.config import HostConfig
from sandbox_host.errors import BootFailed, Conflict, Full, HostError, Invalid, NotFound
from sandbox_host.isolation import OWNERS, Isolation
from sandbox_host.records import Record, Snapshot, Store, new_id
from sandbox_host.sandbox import METRIC_SECONDS, Sandbox
from sandbox_host.snapshots import Snapshots
from sandbox_host.templates import Template, table, vscode_missing

_FREE_BYTES = 1 << 30
log = structlog.get_logger("sandbox_host")


@dataclass(frozen=True)
class Wish:
    """What a new sandbox is asked to be."""

    template: str = "base"
    seconds: int = DEFAULT_SECONDS
    env: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    pause_on_timeout: bool = False
    keep_memory: bool = True
    resume_on_traffic: bool = False
    internet: bool = False
    public_ports: bool = False
    idempotency_key: str | None = None


class Host:
    """Use it as an async context manager: entering finds the sandboxes of earlier hosts, leaving ends every box."""

    def __init__(self, config: HostConfig, isolation: Isolation) -> None:
        self.config, self._isolation = config, isolation
        self._store = Store(config.data_dir)
        self._templates = table(config.template_dir, config.vscode_dir)
        self.no_vscode = vscode_missing(config.vscode_dir)
        self._sandboxes: dict[str, Sandbox] = {}
        self.snapshots = Snapshots(self._store, isolation.disks)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._slots: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._making: dict[str, asyncio.Task[Sandbox]] = {}

    async def __aenter__(self) -> Self:
        now = time.time()
        for record in self._store.records():
            if record.state == "running" and record.ends_at < now and not record.pause_on_timeout:
                self._store.forget(record.id)
                continue
            self._slots.add(record.slot)
            self._sandboxes[record.id] = self._sandbox(record.paused())
            self._store.keep(record.paused())
        self._background(self._measure())
        for template in self._templates.values():
            if reason := template.missing():
                log.warning("template_incomplete", template=template.id, reason=reason)
        if self.no_vscode:
            log.info("no_vscode", reason=self.no_vscode)
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        for sandbox in self._sandboxes.values():
            await sandbox.stop()
        self._isolation.groups.remove()

    def _sandbox(self, record: Record) -> Sandbox:
        disk = self._isolation.disks.disk(record.id, self._store.folder(record.id))
        template = self._templates.get(record.base) or Template(record.base)  # its template may have left the table
        return Sandbox(record, template, self._isolation, disk, self._died)

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Looking

    def all(self) -> list[Sandbox]:
        return sorted(self._sandboxes.values(), key=lambda sandbox: (-sandbox.record.started_at, sandbox.id))

    def get(self, sandbox_id: str) -> Sandbox:
        """A sandbox, running or paused.

        Raises:
            NotFound: there is none.
        """
        found = self._sandboxes.get(sandbox_id)
        if found is None:
            raise NotFound(f"sandbox {sandbox_id} not found")
        return found

    async def for_traffic(self, sandbox_id: str) -> Sandbox:
        """A running sandbox; one that resumes on traffic is resumed.

        Raises:
            NotFound: it does not exist or is paused.
        """
        sandbox = self.get(sandbox_id)
        if sandbox.record.state == "paused" or sandbox.lock.locked():
            async with sandbox.lock:
                if self._sandboxes.get(sandbox_id) is not sandbox:
                    raise NotFound(f"sandbox {sandbox_id} not found")
                if sandbox.record.state == "paused":
                    if not sandbox.record.resume_on_traffic:
                        raise NotFound(f"sandbox {sandbox_id} not found")
                    await self._resume(sandbox, sandbox.record.seconds)
        return sandbox

    # Changing

    async def create(self, wish: Wish) -> Sandbox:
        """Make a sandbox and start it; the same idempotency key again gives the same sandbox.

        Raises:
            NotFound: no such template or snapshot.
            Invalid: a timeout out of range.
            Full: no room for another.
            BootFailed: it did not come up; nothing is left of it.
        """
        key = wish.idempotency_key
        if key is None:
            return await self._create(wish)
        for sandbox in self._sandboxes.values():
            if sandbox.record.idempotency_key == key:
                return sandbox
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._create(wish))
            making.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(making)

    async def _create(self, wish: Wish) -> Sandbox:
        self._check_seconds(wish.seconds)
        snapshot = self.snapshots.find(wish.template)
        base = snapshot.base if snapshot else wish.template
        if base not in self._templates:
            raise NotFound(f"template '{base}' not found")
        slot = self._take_slot()
        now = time.time()
        record = Record(
            id=new_id(),
            slot=slot,
            template=snapshot.id if snapshot else wish.template,
            base=base,
            limits=snapshot.limits if snapshot else self.config.limits,
            started_at=now,
            ends_at=now + wish.seconds,
            seconds=wish.seconds,
            env=dict(wish.env),
            metadata=dict(wish.metadata),
            pause_on_timeout=wish.pause_on_timeout,
            keep_memory=wish.keep_memory,
            resume_on_traffic=wish.resume_on_traffic,
            internet=wish.internet and self.config.egress != "none",
            public_ports=wish.public_ports,
            idempotency_key=wish.idempotency_key,
        )
        sandbox = await self._start(record, snapshot)
        self._sandboxes[record.id] = sandbox
        self._set_timer(sandbox)
        return sandbox

    async def _start(self, record: Record, snapshot: Snapshot | None) -> Sandbox:
        source = self._store.snapshots / snapshot.id if snapshot else None
        sandbox = self._sandbox(record)
        try:
            folder = self._store.make_folder(record.id)
            owner = self._isolation.owner(record.slot)
            await asyncio.to_thread(self._isolation.disks.create, folder, owner, record.limits.disk_mb, source)
            await sandbox.boot()
            self._store.keep(record)
        except BaseException as error:
            await sandbox.stop()
            self._store.forget(record.id)
            self._slots.discard(record.slot)
            if isinstance(error, OSError):
                raise BootFailed(f"the sandbox could not be made: {error}") from error
            raise
        return sandbox

    def _take_slot(self) -> int:
        if len(self._sandboxes) >= self.config.max_sandboxes:
            raise Full(f"this host holds {self.config.max_sandboxes} sandboxes and is full")
        free = next((slot for slot in range(OWNERS - 1) if slot not in self._slots), None)
        if free is None:
            raise Full("this host has no user id left for another sandbox")
        if shutil.disk_usage(self.config.data_dir).free < _FREE_BYTES:
            raise Full("this host's disk is nearly full")
        self._slots.add(free)
        return free

    def _check_seconds(self, seconds: int) -> None:
        if not 0 <= seconds <= self.config.max_seconds:
            raise Invalid(f"timeout must be between 0 and {self.config.max_seconds} seconds")

    async def connect(self, sandbox_id: str, seconds: int, *, reboot: bool = False) -> tuple[Sandbox, bool]:
        """Make it run, as it was or from its disk alone; a running one is only extended, never shortened.

        Returns:
            the sandbox, and whether it was resumed.

        Raises:
            NotFound: there is none.
        """
        self._check_seconds(seconds)
        sandbox = self.get(sandbox_id)
        async with sandbox.lock:
            self.get(sandbox_id)  # it may have been killed while we waited
            if sandbox.record.state == "running":
                if time.time() + seconds > sandbox.record.ends_at:
                    self._change(sandbox, sandbox.record.lasting(seconds, now=time.time()))
                return sandbox, False
            if reboot:
                await sandbox.stop()
            await self._resume(sandbox, seconds)
            return sandbox, True

    async def _resume(self, sandbox: Sandbox, seconds: int) -> None:
        if sandbox.has_box:
            await sandbox.thaw()
        else:
            await sandbox.boot()
        self._change(sandbox, sandbox.record.running().lasting(seconds, now=time.time()))

    async def pause(self, sandbox_id: str, *, keep_memory: bool = True) -> None:
        """Stop it where it stands, or keep its disk alone.

        Raises:
            NotFound: there is none.
            Conflict: it is paused already.
        """
        sandbox = self.get(sandbox_id)
        async with sandbox.lock:
            self.get(sandbox_id)
            if sandbox.record.state == "paused":
                raise Conflict(f"sandbox {sandbox_id} is already paused")
            if keep_memory:
                await sandbox.freeze()
            else:
                await sandbox.stop()
            self._change(sandbox, sandbox.record.paused())

    async def set_timeout(self, sandbox_id: str, seconds: int) -> None:
        self._check_seconds(seconds)
        sandbox = self.get(sandbox_id)
        async with sandbox.lock:
            if self.get(sandbox_id).record.state != "running":
                raise NotFound(f"sandbox {sandbox_id} is not running")
            self._change(sandbox, sandbox.record.lasting(seconds, now=time.time()))

    async def kill(self, sandbox_id: str) -> None:
        """End it and remove all of it.

        Raises:
            NotFound: there is none.
        """
        sandbox = self.get(sandbox_id)
        del self._sandboxes[sandbox_id]
        if timer := self._timers.pop(sandbox_id, None):
            timer.cancel()
        async with sandbox.lock:
            await sandbox.stop()
            await asyncio.to_thread(self._store.forget, sandbox_id)
        self._slots.discard(sandbox.record.slot)  # not before: its user id owns nothing any more

    def _change(self, sandbox: Sandbox, record: Record) -> None:
        sandbox.record = record
        self._store.keep(record)
        self._set_timer(sandbox)

    def _set_timer(self, sandbox: Sandbox) -> None:
        if timer := self._timers.pop(sandbox.id, None):
            timer.cancel()
        if sandbox.record.state == "running":
            seconds = max(0.0, sandbox.record.ends_at - time.time())
            loop = asyncio.get_running_loop()
            self._timers[sandbox.id] = loop.call_later(seconds, lambda: self._background(self._expire(sandbox.id)))

    async def _expire(self, sandbox_id: str) -> None:
        with suppress(HostError):
            record = self.get(sandbox_id).record
            if record.state != "running" or record.ends_at > time.time() + 1:
                return
            if record.pause_on_timeout:
                await self.pause(sandbox_id, keep_memory=record.keep_memory)
            else:
                await self.kill(sandbox_id)

    def _died(self, sandbox_id: str) -> None:
        log.warning("box_ended", sandbox=sandbox_id)
        self._background(self._put_to_rest(sandbox_id))

    async def _put_to_rest(self, sandbox_id: str) -> None:
        """A box that ended by itself leaves a paused sandbox: its disk is there, and connecting starts it anew."""
        with suppress(NotFound):
            sandbox = self.get(sandbox_id)
            async with sandbox.lock:
                if sandbox.has_box and sandbox.jail.ended.is_set():
                    await sandbox.stop()
                    self._change(sandbox, sandbox.record.paused())

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(METRIC_SECONDS)
            for sandbox in list(self._sandboxes.values()):
                if sandbox.record.state == "running":
                    with suppress(OSError, HostError):
                        await sandbox.measure()
                        await sandbox.hold_quota()

    async def snapshot(self, sandbox_id: str, name: str | None = None) -> Snapshot:
        """Copy its disk while every process of it stands still.

        Raises:
            NotFound: there is no such sandbox.
        """
        sandbox = self.get(sandbox_id)
        async with sandbox.lock:
            running = self.get(sandbox_id).record.state == "running"
            if running:
                await sandbox.freeze()
            try:
                return await self.snapshots.take(sandbox.record, self._store.folder(sandbox_id), name)
            finally:
                if running:
                    await sandbox.thaw()
