"""Which account at a provider is whose."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, now


class OAuthLink(Base):
    """An account is known by (provider, subject) alone: names and addresses there can change hands."""

    __tablename__ = "oauth_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(255), doc="the account's id at the provider, which never changes")
    login: Mapped[str] = mapped_column(String(255), doc="what it is called there, as last seen; for people to read")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("provider", "subject", name="uq_oauth_links_provider_subject"),
        UniqueConstraint("user_id", "provider", name="uq_oauth_links_user_id_provider"),
    )
