"""MCP servers, and what users have set of the coding agents in their sandboxes."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps
from agents_backend.db.vault import sealed


class McpServer(Timestamps, Base):
    """A server: the deployment's, one user's, or one that a chat's body named, which is its run's alone."""

    __tablename__ = "mcp_servers"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), doc="None: everybody's")
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(32))
    is_active: Mapped[bool] = mapped_column(default=True)
    config: Mapped[bytes] = sealed("id", doc="a `ServerConfig`: addresses and headers hold keys")
    sign_in: Mapped[bytes | None] = sealed("id", doc="OAuth tokens, and how we are registered")
    awaits_consent: Mapped[bool] = mapped_column(default=False, doc="a person has yet to consent at its sign-in")
    tools: Mapped[list[Any] | None] = mapped_column(JSONB, doc="as last listed: [{name, description, schema, …}]")
    checked_at: Mapped[datetime | None] = mapped_column(doc="when it was last asked, whatever came of it")
    error: Mapped[str | None] = mapped_column(Text, doc="why it could not be listed then")

    __table_args__ = (
        CheckConstraint("user_id is null or run_id is null", name="one_owner"),
        Index("uq_mcp_servers_name", "name", unique=True, postgresql_where=text("user_id is null and run_id is null")),
        Index(
            "uq_mcp_servers_user_id_name",
            "user_id",
            "name",
            unique=True,
            postgresql_where=text("user_id is not null"),
        ),
        Index("uq_mcp_servers_run_id_name", "run_id", "name", unique=True, postgresql_where=text("run_id is not null")),
    )


class CodingAgent(Timestamps, Base):
    """A user's Codex or Claude Code: what is written into their sandboxes."""

    __tablename__ = "coding_agents"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    tool_type: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    secret: Mapped[bytes] = sealed("user_id", "tool_type", doc="its key or tokens")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, doc="what is no secret of it")
    expires_at: Mapped[datetime | None] = mapped_column(doc="of the access token")
    error: Mapped[str | None] = mapped_column(Text, doc="why its tokens can no longer be refreshed")

    __table_args__ = (
        Index(
            "ix_coding_agents_expires_at",
            "expires_at",
            postgresql_where=text("expires_at is not null and error is null"),
        ),
    )
