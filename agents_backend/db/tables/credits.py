"""Credits: what each user has, and the append-only ledger that it is the sum of."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, now

AMOUNT = Numeric(18, 6)


class CreditAccount(Base):
    """A user's credits: free ones in `balance`, those that active runs have reserved in `reserved`. Neither is ever below zero."""

    __tablename__ = "credit_accounts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    balance: Mapped[Decimal] = mapped_column(AMOUNT)
    reserved: Mapped[Decimal] = mapped_column(AMOUNT)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("reserved >= 0", name="reserved"),
    )


class CreditEntry(Base):
    """One movement. A trigger refuses to change or delete any; the sums of a user's `amount` and `reserved` are their account.

    A charge is one model, tool or voice of one run; a run's rows may go, its charges stay.
    """

    __tablename__ = "credit_entries"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(16), doc="grant, reserve, release or charge")
    amount: Mapped[Decimal] = mapped_column(AMOUNT, doc="what it adds to the balance")
    reserved: Mapped[Decimal] = mapped_column(AMOUNT, doc="what it adds to what is reserved")
    run_id: Mapped[uuid.UUID | None] = mapped_column(UUID(as_uuid=True))
    run_kind: Mapped[str] = mapped_column(String(32), default="")
    key: Mapped[str | None] = mapped_column(String(200), doc="what happens once in a run")
    source: Mapped[str] = mapped_column(String(16), default="", doc="of a charge: model, tool or speech")
    name: Mapped[str] = mapped_column(String(160), default="", doc="which one")
    calls: Mapped[int] = mapped_column(default=0)
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    characters: Mapped[int] = mapped_column(BigInteger, default=0)
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(18, 9), default=Decimal(0))
    credits: Mapped[Decimal] = mapped_column(
        AMOUNT, default=Decimal(0), doc="of a charge: its price; `amount` is less where it was not to be had"
    )
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), doc="of a grant: who gave it")
    reason: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (
        UniqueConstraint("run_id", "key", name="uq_credit_entries_run_id_key"),
        Index("ix_credit_entries_user_id_id", "user_id", text("id desc")),
        Index("ix_credit_entries_charges", "created_at", postgresql_where=text("kind = 'charge'")),
    )
