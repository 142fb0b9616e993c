"""Threads, runs, their messages, interrupts and artifacts."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps, now


class Thread(Timestamps, Base):
    """A conversation. `public_id` is what clients see: the id as text, or the name a client chose, unique within its user."""

    __tablename__ = "threads"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    public_id: Mapped[str] = mapped_column(String(128))
    title: Mapped[str] = mapped_column(String(200), default="")
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("user_id", "public_id"),
        Index("ix_threads_user_id_updated_at", "user_id", text("updated_at desc")),
    )


class Run(Base):
    """One piece of durable work: the workflow `<kind>-<id>`."""

    __tablename__ = "runs"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    thread_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    agent_name: Mapped[str] = mapped_column(String(64), default="")
    status: Mapped[str] = mapped_column(String(16))
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    protocol_run_id: Mapped[str] = mapped_column(
        String(128), doc="the runId that AG-UI events of the current leg carry"
    )
    leg: Mapped[int] = mapped_column(default=1, doc="1, and one more with each resume")
    rollback: Mapped[bool] = mapped_column(default=False, doc="when it ends, its messages go with it")
    request_id: Mapped[str] = mapped_column(String(64), default="")
    model: Mapped[str] = mapped_column(String(128), default="")
    usage: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    cost_usd: Mapped[float] = mapped_column(default=0)
    credits_reserved: Mapped[Decimal] = mapped_column(
        Numeric(18, 6), default=Decimal(0), server_default="0", doc="above zero while it runs and is charged for"
    )
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_runs_user_id_created_at", "user_id", text("created_at desc")),
        Index("ix_runs_open", "status", postgresql_where=text("finished_at is null")),
        Index(
            "ix_runs_unsettled",
            "finished_at",
            postgresql_where=text("credits_reserved > 0 and finished_at is not null"),
        ),
        Index(
            "uq_runs_thread_id_active",
            "thread_id",
            unique=True,
            postgresql_where=text("status in ('pending', 'running', 'waiting')"),
        ),
    )


# The model's answers: one a step, whichever attempt wrote last.
ANSWERS = text("role = 'assistant' and step > 0")


class Message(Base):
    """One message of a thread. `step` orders it within its run; a model's answer and its tool results share the step."""

    __tablename__ = "messages"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    thread_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str] = mapped_column(String(128), doc="what AG-UI events call it")
    role: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(32), default="main", doc="main, or the part of a run whose context it is")
    step: Mapped[int] = mapped_column(default=0)
    content: Mapped[str] = mapped_column(Text, default="")
    parts: Mapped[list[Any] | None] = mapped_column(JSONB, doc="a user message of several content parts")
    reasoning: Mapped[str] = mapped_column(Text, default="")
    tool_calls: Mapped[list[Any] | None] = mapped_column(JSONB, doc="[{id, name, args, edited?}]")
    tool_call_id: Mapped[str | None] = mapped_column(String(128))
    error: Mapped[str | None] = mapped_column(Text, doc="set when a tool failed")
    sources: Mapped[list[Any] | None] = mapped_column(JSONB, doc="what a tool's result rests on: [{title, url}]")
    is_partial: Mapped[bool] = mapped_column(default=False, doc="the run ended before the message did")
    attempt: Mapped[int] = mapped_column(default=1, server_default="1", doc="which try of its step a model's answer is")
    usage: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        UniqueConstraint("thread_id", "message_id"),
        Index("ix_messages_thread_id_seq", "thread_id", "seq"),
        Index("uq_messages_run_id_step_answer", "run_id", "step", unique=True, postgresql_where=ANSWERS),
    )


class Interrupt(Base):
    """A question that a run waits on, and its answer."""

    __tablename__ = "interrupts"

    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    leg: Mapped[int]
    reason: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text, default="")
    tool_call_id: Mapped[str | None] = mapped_column(String(128))
    response_schema: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    expires_at: Mapped[datetime | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    answered_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None] = mapped_column(
        doc="when the workflow was told; the sweep tells it otherwise"
    )
    created_at: Mapped[datetime] = mapped_column(default=now)


class Artifact(Base):
    """A file that a run made; its bytes are in storage under `key`."""

    __tablename__ = "artifacts"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(128))
    size: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(512))
    sha256: Mapped[str] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, doc="what it is and how it was made")
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (UniqueConstraint("run_id", "name"),)


class RunPart(Base):
    """What a run was given or has finished on its way, by name: its input, its script, its outline. Written once."""

    __tablename__ = "run_parts"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    usage: Mapped[dict[str, Any] | None] = mapped_column(JSONB, doc="what it cost, as messages have it")
    created_at: Mapped[datetime] = mapped_column(default=now)


class IdempotencyKey(Base):
    """What a POST with an Idempotency-Key made, kept 24 hours."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True, doc="its SHA-256")
    operation: Mapped[str] = mapped_column(String(128))
    body_hash: Mapped[str] = mapped_column(String(64))
    result_id: Mapped[str] = mapped_column(String(160))
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
