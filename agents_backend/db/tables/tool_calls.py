"""Calls of tools that must not run twice."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, now


class BegunCall(Base):
    """Written before the tool runs. Found again without a result, nobody knows whether it did what it does."""

    __tablename__ = "begun_calls"

    call_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    begun_at: Mapped[datetime] = mapped_column(default=now)
