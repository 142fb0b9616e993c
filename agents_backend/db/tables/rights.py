"""Departments, roles, menus, and who has which."""

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from agents_backend.db.base import Base, Timestamps


class Dept(Timestamps, Base):
    __tablename__ = "depts"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("depts.id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    sort: Mapped[int] = mapped_column(default=0)
    leader: Mapped[str] = mapped_column(String(64), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    email: Mapped[str | None] = mapped_column(String(254))
    is_enabled: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("parent_id", "name", name="uq_depts_parent_id_name", postgresql_nulls_not_distinct=True),
    )


class Role(Timestamps, Base):
    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    data_scope: Mapped[str] = mapped_column(String(16), doc="a DataScope")
    is_enabled: Mapped[bool] = mapped_column(default=True)
    remark: Mapped[str] = mapped_column(String(500), default="")

    __table_args__ = (Index("uq_roles_name", func.lower(name), unique=True),)


class Menu(Timestamps, Base):
    __tablename__ = "menus"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("menus.id", ondelete="RESTRICT"), index=True)
    type: Mapped[str] = mapped_column(String(16), doc="a MenuType")
    name: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(255), default="")
    component: Mapped[str] = mapped_column(String(255), default="")
    icon: Mapped[str] = mapped_column(String(64), default="")
    permission: Mapped[str | None] = mapped_column(String(64), unique=True, doc="what a button allows")
    sort: Mapped[int] = mapped_column(default=0)
    is_visible: Mapped[bool] = mapped_column(default=True)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    remark: Mapped[str] = mapped_column(String(500), default="")


class UserRole(Base):
    __tablename__ = "user_roles"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role_id: Mapped[int] = mapped_column(ForeignKey("roles.id", ondelete="RESTRICT"), primary_key=True, index=True)


class RoleMenu(Base):
    __tablename__ = "role_menus"

    role_id: Mapped[int] = mapped_column(ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True)
    menu_id: Mapped[int] = mapped_column(ForeignKey("menus.id", ondelete="CASCADE"), primary_key=True, index=True)
