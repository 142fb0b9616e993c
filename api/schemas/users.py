"""People."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.domain.principals import Principal
from agents_backend.domain.rights import DataScope
from agents_backend.services.users import NewUser
from api.schemas.fields import Avatar, Body, Email, Name, Phone, SomeId, Text64

Username = Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]
RoleIds = Annotated[list[SomeId], Field(max_length=100)]


class RoleRef(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str


class DeptRef(BaseModel):
    id: int
    name: str


class UserDetail(BaseModel):
    id: int
    username: str
    nickname: str
    email: str | None
    phone: str
    avatar: str
    dept_id: int | None
    dept_name: str | None
    roles: list[RoleRef]
    is_superuser: bool
    is_enabled: bool
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime


class CreateUserBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"username": "ada", "password": "analytical-engine", "role_ids": []}},
    )

    username: Username
    password: Password
    nickname: Text64 = ""
    email: Email | None = None
    phone: Phone = ""
    avatar: Avatar = ""
    dept_id: SomeId | None = None
    is_enabled: bool = True
    role_ids: RoleIds = Field(default_factory=list)

    def new(self) -> NewUser:
        return NewUser(**self.model_dump(exclude={"role_ids"}), role_ids=frozenset(self.role_ids))


class UpdateUserBody(Body):
    """Fields that are not given stay as they are; a default factory keeps theirs out of the document."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"nickname": "Ada", "is_enabled": True}})

    username: Username = Field(default_factory=str)
    nickname: Name = Field(default_factory=str)
    email: Email | None = None
    phone: Phone = Field(default_factory=str)
    avatar: Avatar = Field(default_factory=str)
    dept_id: SomeId | None = None
    is_enabled: bool = Field(default_factory=bool)
    role_ids: RoleIds = Field(default_factory=list)

    def change(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class UpdateMeBody(Body):
    """Fields that are not given stay as they are; a default factory keeps theirs out of the document."""

    nickname: Name = Field(default_factory=str)
    email: Email | None = None
    phone: Phone = Field(default_factory=str)
    avatar: Avatar = Field(default_factory=str)

    def change(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class AvatarBody(Body):
    avatar: Avatar


class NicknameBody(Body):
    nickname: Name


class OwnPasswordBody(Body):
    old_password: Password
    new_password: Password


class ResetPasswordBody(Body):
    password: Password | None = Field(None, description="without it one is made and given back once")


class ResetPasswordView(BaseModel):
    password: str | None = Field(description="the password that was made, or null when one was given")


class SuperuserBody(Body):
    is_superuser: bool


class MeView(BaseModel):
    id: int
    username: str
    nickname: str
    email: str | None
    phone: str
    avatar: str
    dept: DeptRef | None
    roles: list[RoleRef]
    permissions: list[str]
    data_scope: DataScope
    is_superuser: bool

    @classmethod
    def of(cls, user: Principal) -> Self:
        dept = None if user.dept_id is None else DeptRef(id=user.dept_id, name=user.dept_name or "")
        return cls(
            id=user.user_id,
            username=user.username,
            nickname=user.nickname,
            email=user.email,
            phone=user.phone,
            avatar=user.avatar,
            dept=dept,
            roles=[RoleRef(id=role.id, name=role.name) for role in user.roles],
            permissions=sorted(user.permissions),
            data_scope=user.reach.scope,
            is_superuser=user.is_superuser,
        )
