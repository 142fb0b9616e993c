"""People and their sign-ins."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, func, text
from sqlalchemy.dialects.postgresql import INET, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps, now


class User(Timestamps, Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    nickname: Mapped[str] = mapped_column(String(64), default="")
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str] = mapped_column(String(32), default="", server_default="")
    avatar: Mapped[str] = mapped_column(String(512), default="", server_default="")
    dept_id: Mapped[int | None] = mapped_column(ForeignKey("depts.id", ondelete="SET NULL"), index=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    deleted_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    roles_changed_at: Mapped[datetime | None]

    # Names differ by more than case, so that nobody can pass for another; a deleted user's name is free again.
    __table_args__ = (
        Index("uq_users_username", func.lower(username), unique=True, postgresql_where=text("deleted_at is null")),
    )


class AuthSession(Base):
    """One sign-in: the family of refresh tokens that follow from it. Revoking the row revokes them all, access tokens included."""

    __tablename__ = "auth_sessions"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh_hash: Mapped[str] = mapped_column(String(64), doc="SHA-256 of the one refresh token that is valid now")
    previous_hash: Mapped[str | None] = mapped_column(
        String(64), doc="of the one before it, replaced at `refreshed_at`; who lost a race presents this one"
    )
    created_at: Mapped[datetime] = mapped_column(default=now)
    refreshed_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str] = mapped_column(String(512), default="")


class LoginLog(Base):
    __tablename__ = "login_logs"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    username: Mapped[str] = mapped_column(String(64))
    succeeded: Mapped[bool]
    message: Mapped[str] = mapped_column(String(128))
    address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str] = mapped_column(String(512), default="")
    browser: Mapped[str] = mapped_column(String(64), default="")
    os: Mapped[str] = mapped_column(String(64), default="")
    request_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_login_logs_created_at", created_at.desc()),)
