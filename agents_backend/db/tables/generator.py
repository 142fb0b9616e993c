"""What code is generated for."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps


class GeneratedTable(Timestamps, Base):
    """A table's description; `agents_backend/generator/description.py` says what is in it."""

    __tablename__ = "generated_tables"

    id: Mapped[int] = mapped_column(primary_key=True)
    table_name: Mapped[str] = mapped_column(String(40), unique=True)
    app_name: Mapped[str] = mapped_column(String(20))
    singular: Mapped[str] = mapped_column(String(32), doc="what one row is called")
    comment: Mapped[str] = mapped_column(String(500), default="")
    timestamps: Mapped[bool] = mapped_column(default=True, doc="whether it has created_at and updated_at")
    is_imported: Mapped[bool] = mapped_column(default=False, doc="whether it stood in the database before")
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, doc="each a Column")
