"""How the machine, this process, Temporal's queues and Redis are doing."""

import asyncio
import os
import platform
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents_backend.contracts import activities as names
from agents_backend.contracts.queues import QUEUES
from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.temporal_state import QueueState, TemporalState

_LIBRARIES = ("agents-backend", "fastapi", "pydantic", "sqlalchemy", "asyncpg", "redis", "temporalio", "langgraph")
# What INFO tells that is of use; not where files are and not who is connected.
_INFO = (
    "redis_version",
    "valkey_version",
    "redis_mode",
    "uptime_in_seconds",
    "connected_clients",
    "blocked_clients",
    "maxclients",
    "role",
    "aof_enabled",
    "rdb_last_bgsave_status",
    "aof_last_write_status",
    "total_connections_received",
    "total_commands_processed",
    "instantaneous_ops_per_sec",
    "rejected_connections",
    "expired_keys",
    "evicted_keys",
    "keyspace_hits",
    "keyspace_misses",
    "pubsub_channels",
)
_MEMORY = (
    "used_memory",
    "used_memory_rss",
    "used_memory_peak",
    "used_memory_dataset",
    "maxmemory",
    "maxmemory_policy",
    "mem_fragmentation_ratio",
)
_WORKFLOWS = tuple(str(value) for name, value in vars(names).items() if name.endswith("_WORKFLOW"))
_SCANNED_KEYS = 20_000


@dataclass(frozen=True)
class TemporalView:
    queues: list[QueueState]
    running: dict[str, int]
    error: str | None = None


@dataclass(frozen=True)
class ServerView:
    cpu: Mapping[str, Any]
    memory: Mapping[str, Any]
    disk: Mapping[str, Any]
    process: Mapping[str, Any]
    python: Mapping[str, Any]
    host: Mapping[str, Any]
    versions: Mapping[str, str]
    temporal: TemporalView


@dataclass(frozen=True)
class RedisView:
    info: Mapping[str, Any]
    memory: Mapping[str, Any]
    commands: list[Mapping[str, Any]]
    keys: int
    keys_by_prefix: list[Mapping[str, Any]]
    keys_scanned: int


class Monitor:
    def __init__(self, *, redis: Redis, temporal: TemporalState, data_dir: Path) -> None:
        self._redis, self._temporal, self._data_dir = redis, temporal, data_dir
        self._process = psutil.Process()
        psutil.cpu_percent()  # the first answer is always 0: a later one tells of the time since this one
        self._process.cpu_percent()

    async def server(self) -> ServerView:
        """The state of the machine and of Temporal; where Temporal does not answer, that is said in its place."""
        machine, temporal = await asyncio.gather(asyncio.to_thread(self._machine), self._queues())
        return ServerView(**machine, temporal=temporal)

    async def _queues(self) -> TemporalView:
        try:
            queues, running = await asyncio.gather(self._temporal.queues(QUEUES), self._temporal.running(_WORKFLOWS))
        except Unavailable as error:
            return TemporalView([], {}, error.detail)
        return TemporalView(queues, running)

    def _machine(self) -> dict[str, Any]:
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        disk = shutil.disk_usage(self._data_dir if self._data_dir.is_dir() else Path.cwd())
        with self._process.oneshot():
            process = {
                "pid": self._process.pid,
                "started_at": datetime.fromtimestamp(self._process.create_time(), UTC),
                "cpu_percent": self._process.cpu_percent(),
                "memory_rss": self._process.memory_info().rss,
                "threads": self._process.num_threads(),
                "open_files": self._process.num_fds() if hasattr(self._process, "num_fds") else None,
            }
        return {
            "cpu": {"percent": psutil.cpu_percent(), "cores": os.cpu_count() or 1, "load": list(os.getloadavg())},
            "memory": {
                "total": memory.total,
                "available": memory.available,
                "percent": memory.percent,
                "swap_total": swap.total,
                "swap_used": swap.used,
            },
            "disk": {
                "total": disk.total,
                "used": disk.used,
                "free": disk.free,
                "percent": round(100 * disk.used / max(1, disk.total), 1),
            },
            "process": process,
            "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
            "host": {"system": platform.system(), "release": platform.release(), "machine": platform.machine()},
            "versions": {name: version(name) for name in _LIBRARIES},
        }

    async def redis(self) -> RedisView:
        """The state of Redis: figures and the first words of keys, never a key's name or value.

        Raises:
            Unavailable: Redis does not answer.
        """
        try:
            info = await self._redis.info()
            commands = await self._redis.info("commandstats")
            total = int(await self._redis.dbsize())
            prefixes, scanned = await self._prefixes()
        except (RedisError, OSError) as error:
            raise Unavailable("Redis does not answer.", retry_after=2) from error
        return RedisView(
            info={name: info[name] for name in _INFO if name in info},
            memory={name: info[name] for name in _MEMORY if name in info},
            commands=_commands(commands),
            keys=total,
            keys_by_prefix=[{"prefix": prefix, "keys": count} for prefix, count in prefixes.most_common(50)],
            keys_scanned=scanned,
        )

    async def _prefixes(self) -> tuple[Counter[str], int]:
        """Keys by what stands before their first colon, among the first twenty thousand."""
        found: Counter[str] = Counter()
        scanned = 0
        async for key in self._redis.scan_iter(count=1000):
            found[str(key).partition(":")[0] if ":" in str(key) else "(no prefix)"] += 1
            scanned += 1
            if scanned >= _SCANNED_KEYS:
                break
        return found, scanned


def _commands(stats: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    made = [
        {
            "command": name.removeprefix("cmdstat_"),
            "calls": int(figures["calls"]),
            "microseconds": int(figures["usec"]),
            "microseconds_per_call": float(figures["usec_per_call"]),
        }
        for name, figures in stats.items()
        if isinstance(figures, dict)
    ]
    return sorted(made, key=lambda one: int(str(one["calls"])), reverse=True)
