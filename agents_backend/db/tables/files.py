"""Files that users bring for their chats."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, now


class StagedFile(Base):
    """A file whose bytes are in storage under `key`. The row comes first, so that no object is without one."""

    __tablename__ = "staged_files"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(128), doc="as its bytes say")
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(512))
    is_ready: Mapped[bool] = mapped_column(default=False, doc="its bytes are in storage")
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (Index("ix_staged_files_user_id_created_at", "user_id", text("created_at desc")),)
