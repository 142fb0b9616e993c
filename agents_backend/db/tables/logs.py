"""The operation log: what was changed, by whom, from where."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.dialects.postgresql import INET, JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, now


class OperaLog(Base):
    """One mutating request of a signed-in person. Bodies and changes hold no secret: they are redacted before they come here."""

    __tablename__ = "opera_logs"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    entry_id: Mapped[uuid.UUID] = mapped_column(
        UUID(as_uuid=True), unique=True, doc="made by the writer, so that a repeated flush adds nothing"
    )
    user_id: Mapped[int] = mapped_column(index=True, doc="no foreign key: the log outlives what it tells of")
    username: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(String(512))
    operation: Mapped[str] = mapped_column(String(128), doc="the route's operationId")
    status: Mapped[int]
    duration_ms: Mapped[float]
    address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str] = mapped_column(String(512))
    browser: Mapped[str] = mapped_column(String(64))
    os: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    query: Mapped[str] = mapped_column(String(1024))
    body: Mapped[Any] = mapped_column(JSONB)
    changes: Mapped[list[Any]] = mapped_column(JSONB, doc="[{thing, id, before, after}]")
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_opera_logs_created_at", created_at.desc()),)
