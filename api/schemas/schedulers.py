"""Schedulers: their bodies and views."""

import json
import uuid
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.contracts.schedulers import Overlap
from agents_backend.db.tables.runs import Artifact
from agents_backend.db.tables.schedulers import Scheduler
from agents_backend.services.outcomes import artifact_of
from agents_backend.services.scheduler_runs import FiredRun
from agents_backend.services.schedulers import next_run_time
from agents_backend.services.task_parts import Task
from agents_backend.services.timings import Period, ScheduleType
from api.schemas.runs import Body, Name

_EXAMPLE: Any = {
    "name": "Monday report",
    "task": "agent_prompt",
    "kwargs": {"prompt": "What changed last week?", "agent_name": "researcher"},
    "type": "crontab",
    "crontab": "0 8 * * 1",
    "timezone": "Europe/Berlin",
}
Line = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]


Json = TypeVar("Json", list[Any], dict[str, Any])


def storable(value: Json) -> Json:
    """JSON that PostgreSQL takes: no NUL, no NaN, no infinity."""
    if "\\u0000" in json.dumps(value, allow_nan=False):
        raise ValueError("must not contain NUL")
    return value


class Times(Body):
    """When a scheduler fires."""

    type: ScheduleType
    crontab: str | None = Field(
        None, max_length=256, description="five fields, or @hourly, @daily, @weekly, @monthly, @yearly"
    )
    interval_every: int | None = Field(None, ge=1, le=1_000_000_000)
    interval_period: Period | None = None
    timezone: str = Field("UTC", max_length=64, description="IANA; for a crontab")
    start_time: AwareDatetime | None = Field(None, description="none before; an interval is counted from here")
    expire_time: AwareDatetime | None = Field(None, description="none after")
    one_off: bool = Field(default=False, description="fires once, and is off then")

    def values(self) -> dict[str, Any]:
        """What the client said."""
        return self.model_dump(exclude_unset=True)


class Definition(Times):
    args: Annotated[list[Any], AfterValidator(storable)] = Field(default_factory=list, max_length=50)
    kwargs: Annotated[dict[str, Any], AfterValidator(storable)] = Field(default_factory=dict, max_length=50)
    enabled: bool = True
    overlap: Overlap = Field("skip", description="what happens when the last run has not ended")
    remark: Line = ""
    catchup_seconds: int = Field(3600, ge=10, le=365 * 86_400, description="how late a missed fire may still happen")
    jitter_seconds: int = Field(0, ge=0, le=86_400, description="each fire is late by a random time up to this")
    max_failures: int = Field(5, ge=0, le=1000, description="failures in a row that turn it off; 0: none do")
    webhook_url: str | None = Field(None, max_length=2048, description="told of each run's end, signed")


class SchedulerBody(Definition):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    name: Name
    task: str = Field(max_length=64, description="a name from GET /task/registered")


class SchedulerChange(Definition):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"type": "crontab", "crontab": "@daily"}})

    name: Name = ""
    task: str = Field("", max_length=64)
    type: ScheduleType = "interval"


class StatusBody(Body):
    enabled: bool


class PreviewBody(Times):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"type": "crontab", "crontab": "30 2 * * *"}}
    )

    count: int = Field(5, ge=1, le=50)

    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True, exclude={"count"})


class PreviewView(BaseModel):
    next_run_times: list[datetime]


class SecretView(BaseModel):
    secret: str = Field(description="whsec_…, for HMAC-SHA256 as Standard Webhooks has it; told this once")


class BackfillBody(Body):
    start_time: AwareDatetime
    end_time: AwareDatetime
    overlap: Overlap | None = Field(None, description="default: one after the other")


class BackfillView(BaseModel):
    runs: int


class SchedulerView(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: uuid.UUID
    name: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    type: ScheduleType
    crontab: str | None
    interval_every: int | None
    interval_period: Period | None
    timezone: str
    enabled: bool
    start_time: datetime | None
    expire_time: datetime | None
    one_off: bool
    overlap: Overlap
    remark: str
    next_run_time: datetime | None
    last_run_time: datetime | None
    total_run_count: int
    user_id: int
    catchup_seconds: int
    jitter_seconds: int
    max_failures: int
    webhook_url: str | None
    version: int = Field(description="of the definition; also the ETag")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Scheduler, *, at: datetime) -> Self:
        known = {name: getattr(row, name) for name in cls.model_fields if name not in {"remark", "next_run_time"}}
        return cls(**known, remark=row.pause_reason or row.remark, next_run_time=next_run_time(row, at))


class TaskView(BaseModel):
    name: str
    description: str
    arguments: dict[str, Any] = Field(description="JSON Schema of kwargs; args fill its properties in their order")
    permission: str | None = Field(description="what a scheduler's owner must hold for it; null: nothing")

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls(
            name=task.name,
            description=task.description,
            arguments=task.arguments.model_json_schema(),
            permission=task.permission,
        )


class ArtifactView(BaseModel):
    name: str
    media_type: str
    size: int
    url: str

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        return cls.model_validate(artifact_of(artifact, ""))


class SchedulerRunView(BaseModel):
    id: uuid.UUID
    scheduler_id: uuid.UUID
    task: str
    trigger: str = Field(description="schedule, or manual")
    status: str = Field(description="pending, running, succeeded, failed, cancelled or skipped")
    scheduled_for: datetime | None
    run_id: uuid.UUID | None = Field(description="the run that it started, at /agent/runs")
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    webhook_status: str | None = Field(description="pending, delivered or failed; null without a webhook")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    artifacts: list[ArtifactView]
    temporal_ui_url: str

    @classmethod
    def of(cls, found: FiredRun, *, ui_url: str, namespace: str) -> Self:
        fire = found.fire
        known = {n: getattr(fire, n) for n in cls.model_fields if n not in {"artifacts", "temporal_ui_url"}}
        return cls(
            **known,
            artifacts=[ArtifactView.of(artifact) for artifact in found.artifacts],
            temporal_ui_url=f"{ui_url}/namespaces/{namespace}/workflows/{fire.workflow_id}",
        )
