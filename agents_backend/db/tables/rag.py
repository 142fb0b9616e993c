"""Resources that agents retrieve from, and their passages, found by meaning and by words."""

import uuid
from datetime import datetime
from typing import Any, Final

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import BigInteger, Computed, ForeignKey, Index, String, Text, UniqueConstraint, cast, column, text
from sqlalchemy.dialects.postgresql import REGCONFIG, TSVECTOR, UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps
from agents_backend.settings import DIMENSIONS

SEARCHED: Final = "setweight(to_tsvector(language, heading), 'A') || setweight(to_tsvector(language, text), 'B')"


class RagResource(Timestamps, Base):
    """A document of a user's. Its file, as it came, is in storage under `key`; its passages are those of its `generation`."""

    __tablename__ = "rag_resources"

    id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(300))
    source: Mapped[str] = mapped_column(String(8), doc="file, url or text")
    url: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(String(255), default="")
    media_type: Mapped[str] = mapped_column(String(128), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    key: Mapped[str | None] = mapped_column(String(512))
    sha256: Mapped[str | None] = mapped_column(String(64), doc="of the file whose passages these are")
    status: Mapped[str] = mapped_column(String(16), doc="pending, ready or failed")
    error_code: Mapped[str | None] = mapped_column(String(64), doc="why the last ingestion failed")
    error: Mapped[str | None] = mapped_column(Text)
    pages: Mapped[int] = mapped_column(default=0)
    passages: Mapped[int] = mapped_column(default=0)
    language: Mapped[str] = mapped_column(String(8), default="en")
    model: Mapped[str] = mapped_column(String(160), default="", doc="what embedded its passages; empty: nothing did")
    generation: Mapped[int] = mapped_column(default=0, doc="of the passages that are searched; 0: none yet")
    run_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("runs.id", ondelete="SET NULL"), index=True, doc="its latest ingestion"
    )
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_rag_resources_user_id_created_at", "user_id", text("created_at desc")),
        Index("ix_rag_resources_unsettled", "status", postgresql_where=text("status = 'pending'")),
        Index("ix_rag_resources_deleted", "deleted_at", postgresql_where=text("deleted_at is not null")),
    )


class RagPassage(Base):
    """One passage. Those of another generation than its resource's are being written, or wait to be deleted."""

    __tablename__ = "rag_passages"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    resource_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rag_resources.id", ondelete="CASCADE"))
    generation: Mapped[int]
    position: Mapped[int]
    user_id: Mapped[int]
    heading: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None]
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[Any] = mapped_column(REGCONFIG, doc="the rules by which its words are brought to their stems")
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(SEARCHED, persisted=True), deferred=True)
    embedding: Mapped[Any] = mapped_column(HALFVEC, nullable=True, deferred=True)
    model: Mapped[str | None] = mapped_column(String(160), doc="what made the embedding")

    __table_args__ = (
        UniqueConstraint("resource_id", "generation", "position"),
        # The user stands in the index too: what others wrote with the same words is never looked at.
        Index("ix_rag_passages_user_id_search", "user_id", "search", postgresql_using="gin"),
        # An HNSW index is of vectors of one length: there is one for each length that models give, empty ones cost nothing.
        *(
            Index(
                f"ix_rag_passages_embedding_{size}",
                cast(column("embedding"), HALFVEC(size)).label("near"),
                postgresql_using="hnsw",
                postgresql_ops={"near": "halfvec_cosine_ops"},
                postgresql_where=text(f"vector_dims(embedding) = {size}"),
            )
            for size in DIMENSIONS
        ),
    )
