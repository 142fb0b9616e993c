"""People: oneself, and for administrators everybody within reach."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from agents_backend.db.lists import Slice
from agents_backend.db.users import SORTABLE, UserFilter
from agents_backend.domain.errors import (
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from agents_backend.domain.principals import Principal
from api.dependencies import Auth, CurrentUser, IdempotencyKey, RequestContext, UsersOf, requires
from api.openapi import errors
from api.routes.auth import answer
from api.schemas.auth import TokenView
from api.schemas.fields import Flag, Id, IdQuery, Search, When, sorting
from api.schemas.pages import Number, Page, Size, listed
from api.schemas.users import (
    AvatarBody,
    CreateUserBody,
    MeView,
    NicknameBody,
    OwnPasswordBody,
    ResetPasswordBody,
    ResetPasswordView,
    SuperuserBody,
    UpdateMeBody,
    UpdateUserBody,
    UserDetail,
)

router = APIRouter(prefix="/admin/sys/users", tags=["users"], responses=errors(Unauthenticated, Unavailable))
SORTS = sorting(*SORTABLE)


@router.get("/me", summary="Who I am and what I may do")
async def get_me(user: CurrentUser) -> MeView:
    return MeView.of(user)


@router.put("/me", summary="Change my nickname, e-mail, phone or picture", responses=errors(Invalid))
async def update_me(body: UpdateMeBody, user: CurrentUser, users: UsersOf, auth: Auth) -> MeView:
    await users.update_own(user, body.change())
    return MeView.of(await auth.again(user))


@router.put("/me/avatar", summary="Change my picture", responses=errors(Invalid))
async def update_my_avatar(body: AvatarBody, user: CurrentUser, users: UsersOf, auth: Auth) -> MeView:
    await users.update_own(user, body.model_dump())
    return MeView.of(await auth.again(user))


@router.put("/me/nickname", summary="Change my nickname", responses=errors(Invalid))
async def update_my_nickname(body: NicknameBody, user: CurrentUser, users: UsersOf, auth: Auth) -> MeView:
    await users.update_own(user, body.model_dump())
    return MeView.of(await auth.again(user))


@router.put(
    "/me/password", summary="Change my password; all my sessions end, a new one begins", responses=errors(Invalid)
)
async def update_my_password(
    body: OwnPasswordBody,
    user: CurrentUser,
    users: UsersOf,
    auth: Auth,
    context: RequestContext,
    request: Request,
    response: Response,
) -> TokenView:
    changed = await users.change_own_password(user, body.old_password, body.new_password)
    tokens = await auth.open_session(changed, context, message="signed in with a new password")
    return answer(tokens, request, response)


@router.get(
    "", response_model=Page[UserDetail], summary="List the users within my reach", responses=errors(Invalid, Forbidden)
)
async def list_users(
    user: Annotated[Principal, Depends(requires("sys:user:list"))],
    users: UsersOf,
    page: Number = 1,
    size: Size = 20,
    sort: Annotated[str, SORTS] = "id",
    keyword: Search = None,
    dept_id: IdQuery = None,
    role_id: IdQuery = None,
    is_enabled: Flag = None,
    created_from: Annotated[When | None, Query()] = None,
    created_to: Annotated[When | None, Query()] = None,
) -> dict[str, Any]:
    wanted = UserFilter(keyword, dept_id, role_id, is_enabled, created_from, created_to)
    part = Slice(page, size, sort)
    return listed(await users.list(user, wanted, part), part)


@router.get("/{user_id}", summary="A user", responses=errors(Invalid, Forbidden, NotFound))
async def get_user(
    user_id: Id, user: Annotated[Principal, Depends(requires("sys:user:list"))], users: UsersOf
) -> UserDetail:
    return UserDetail.model_validate(await users.get(user_id, user))


@router.post(
    "", status_code=201, summary="Add a user", responses=errors(Invalid, Forbidden, Conflict, IdempotencyMismatch)
)
async def create_user(
    body: CreateUserBody,
    user: Annotated[Principal, Depends(requires("sys:user:add"))],
    users: UsersOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> UserDetail:
    made = UserDetail.model_validate(await users.create(body.new(), user, idempotency_key))
    response.headers["Location"] = f"/api/v1/admin/sys/users/{made.id}"
    return made


@router.put("/{user_id}", summary="Change a user", responses=errors(Invalid, Forbidden, NotFound, Conflict))
async def update_user(
    user_id: Id,
    body: UpdateUserBody,
    user: Annotated[Principal, Depends(requires("sys:user:edit"))],
    users: UsersOf,
) -> UserDetail:
    return UserDetail.model_validate(await users.update(user_id, body.change(), user))


@router.delete(
    "/{user_id}", status_code=204, summary="Delete a user", responses=errors(Invalid, Forbidden, NotFound, Conflict)
)
async def delete_user(
    user_id: Id, user: Annotated[Principal, Depends(requires("sys:user:delete"))], users: UsersOf
) -> None:
    await users.delete(user_id, user)


@router.put(
    "/{user_id}/password", summary="Set a user's password", responses=errors(Invalid, Forbidden, NotFound, Conflict)
)
async def reset_password(
    user_id: Id,
    body: ResetPasswordBody,
    user: Annotated[Principal, Depends(requires("sys:user:password"))],
    users: UsersOf,
) -> ResetPasswordView:
    return ResetPasswordView(password=await users.reset_password(user_id, body.password, user))


@router.put(
    "/{user_id}/superuser",
    summary="Make a user a superuser, or no longer one",
    responses=errors(Invalid, Forbidden, NotFound, Conflict),
)
async def set_superuser(
    user_id: Id,
    body: SuperuserBody,
    user: Annotated[Principal, Depends(requires("sys:user:superuser"))],
    users: UsersOf,
) -> UserDetail:
    return UserDetail.model_validate(await users.set_superuser(user_id, user, is_superuser=body.is_superuser))
