"""Schedulers and what each of their fires came to."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps, now


class Scheduler(Timestamps, Base):
    """A task and its times; the Temporal Schedule `schedule-<id>` is made from this row.

    `version` grows with every change of the definition; `synced_version` is the version that the Schedule has.
    A row with `deleted_at` lives until its Schedule is gone.
    """

    __tablename__ = "schedulers"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(128))
    task: Mapped[str] = mapped_column(String(64))
    args: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    kwargs: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    type: Mapped[str] = mapped_column(String(16))
    crontab: Mapped[str | None] = mapped_column(String(256))
    interval_every: Mapped[int | None]
    interval_period: Mapped[str | None] = mapped_column(String(16))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    enabled: Mapped[bool] = mapped_column(default=True)
    start_time: Mapped[datetime | None]
    expire_time: Mapped[datetime | None]
    one_off: Mapped[bool] = mapped_column(default=False)
    overlap: Mapped[str] = mapped_column(String(16), default="skip")
    remark: Mapped[str] = mapped_column(Text, default="", doc="its owner's own")
    pause_reason: Mapped[str | None] = mapped_column(Text, doc="why the system turned it off; shown as the remark")
    catchup_seconds: Mapped[int] = mapped_column(default=3600)
    jitter_seconds: Mapped[int] = mapped_column(default=0)
    max_failures: Mapped[int] = mapped_column(default=5, doc="in a row, then it is turned off; 0: never")
    failures: Mapped[int] = mapped_column(default=0, doc="in a row, up to now")
    webhook_url: Mapped[str | None] = mapped_column(Text)
    webhook_secret_version: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    synced_version: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime] = mapped_column(default=now, doc="when `version` grew")
    deleted_at: Mapped[datetime | None]
    last_run_time: Mapped[datetime | None]
    total_run_count: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        Index("ix_schedulers_user_id_created_at", "user_id", text("created_at desc")),
        Index(
            "ix_schedulers_unsynced",
            "changed_at",
            postgresql_where=text("version <> synced_version or deleted_at is not null"),
        ),
    )

    def changed(self) -> None:
        """The definition is another one now."""
        self.version, self.changed_at = self.version + 1, now()

    def pause(self, reason: str | None) -> None:
        self.enabled, self.pause_reason = False, reason
        self.changed()


class SchedulerRun(Base):
    """One fire of a scheduler. Its id is derived from its workflow, so that a retry finds it."""

    __tablename__ = "scheduler_runs"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    scheduler_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("schedulers.id", ondelete="CASCADE"))
    workflow_id: Mapped[str] = mapped_column(String(128))
    task: Mapped[str] = mapped_column(String(64))
    trigger: Mapped[str] = mapped_column(String(16), doc="schedule or manual")
    arguments: Mapped[dict[str, Any] | None] = mapped_column(JSONB, doc="as they were when it began, until it ends")
    scheduled_for: Mapped[datetime | None] = mapped_column(doc="the time by the schedule; none for a run by hand")
    status: Mapped[str] = mapped_column(String(16))
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    webhook_status: Mapped[str | None] = mapped_column(String(16), doc="pending, delivered or failed")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_scheduler_runs_scheduler_id_created_at", "scheduler_id", text("created_at desc")),
        Index("ix_scheduler_runs_created_at", "created_at"),
        Index("ix_scheduler_runs_open", "created_at", postgresql_where=text("finished_at is null")),
    )
