"""The state of the machine, of Temporal's queues, of Redis; sessions. Sizes are bytes."""

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CpuView(View):
    percent: float
    cores: int
    load: list[float]


class MemoryView(View):
    total: int
    available: int
    percent: float
    swap_total: int
    swap_used: int


class DiskView(View):
    total: int
    used: int
    free: int
    percent: float


class ProcessView(View):
    pid: int
    started_at: datetime
    cpu_percent: float
    memory_rss: int
    threads: int
    open_files: int | None


class PythonView(View):
    version: str
    implementation: str


class HostView(View):
    system: str
    release: str
    machine: str


class PollerView(View):
    identity: str
    last_access: datetime


class QueueView(View):
    name: str
    kind: str
    pollers: list[PollerView]
    backlog: int
    backlog_age_seconds: float


class TemporalStateView(View):
    queues: list[QueueView]
    running: dict[str, int]
    error: str | None


class ServerStateView(View):
    cpu: CpuView
    memory: MemoryView
    disk: DiskView
    process: ProcessView
    python: PythonView
    host: HostView
    versions: dict[str, str]
    temporal: TemporalStateView


class CommandView(View):
    command: str
    calls: int
    microseconds: int
    microseconds_per_call: float


class PrefixView(View):
    prefix: str
    keys: int


class RedisStateView(View):
    info: dict[str, str | int | float]
    memory: dict[str, str | int | float]
    commands: list[CommandView]
    keys: int
    keys_by_prefix: list[PrefixView]
    keys_scanned: int


class SessionView(View):
    id: uuid.UUID
    user_id: int
    username: str
    nickname: str
    address: str | None
    user_agent: str
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
