"""Sandboxes, the commands that run in them, and slides, which outlive them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps, now
from agents_backend.db.vault import sealed


class Sandbox(Timestamps, Base):
    """One sandbox: the workflow `sandbox-<id>`. Its row stays when it has ended, so that E2B can be compared with it."""

    __tablename__ = "sandboxes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    e2b_id: Mapped[str | None] = mapped_column(String(128), unique=True, doc="E2B's name for it, once it is made")
    session_id: Mapped[str | None] = mapped_column(String(128), doc="the name under which its user finds it again")
    template_id: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="", doc="why it came to its end")
    error_code: Mapped[str | None] = mapped_column(String(64), doc="of one that could not be made")
    timeout_seconds: Mapped[int]
    expires_at: Mapped[datetime | None] = mapped_column(doc="when it is paused; while it is paused, when it is removed")
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_sandboxes_user_id_created_at", "user_id", text("created_at desc")),
        Index("ix_sandboxes_living", "status", postgresql_where=text("ended_at is null")),
        Index(
            "uq_sandboxes_user_id_session_id",
            "user_id",
            "session_id",
            unique=True,
            postgresql_where=text("session_id is not null and ended_at is null"),
        ),
    )


class SandboxCommand(Base):
    """One command: the workflow `sandbox-command-<id>`. Its variables are forgotten when it ends."""

    __tablename__ = "sandbox_commands"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sandbox_id: Mapped[str] = mapped_column(ForeignKey("sandboxes.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    command: Mapped[str] = mapped_column(Text)
    cwd: Mapped[str | None] = mapped_column(String(4096))
    env: Mapped[bytes | None] = sealed("id")
    timeout_seconds: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    exit_code: Mapped[int | None]
    stdout: Mapped[str] = mapped_column(Text, default="")
    stderr: Mapped[str] = mapped_column(Text, default="")
    truncated: Mapped[bool] = mapped_column(default=False)
    duration_ms: Mapped[int | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_sandbox_commands_sandbox_id_created_at", "sandbox_id", text("created_at desc")),
        Index("ix_sandbox_commands_open", "sandbox_id", postgresql_where=text("finished_at is null")),
    )


class Slide(Timestamps, Base):
    """A page of a presentation. A deleted one stays until its file has left the sandbox."""

    __tablename__ = "slides"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)
    sandbox_id: Mapped[str] = mapped_column(ForeignKey("sandboxes.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    presentation_name: Mapped[str] = mapped_column(String(100))
    slide_number: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1, doc="one more with each change")
    mirrored_version: Mapped[int] = mapped_column(default=0, doc="the version that the sandbox holds")
    mirrored_sha256: Mapped[str | None] = mapped_column(String(64), doc="of the page in the sandbox, as last agreed on")
    is_users: Mapped[bool] = mapped_column(
        default=False, server_default="false", doc="its page was last written by the user, and not in the sandbox"
    )
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_slides_place",
            "sandbox_id",
            "presentation_name",
            "slide_number",
            unique=True,
            postgresql_where=text("deleted_at is null"),
        ),
    )
