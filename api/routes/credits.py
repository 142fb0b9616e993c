"""Credits: one's own, and for administrators everybody's within reach."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from agents_backend.db.credits import UseFilter
from agents_backend.db.lists import Slice
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
from api.dependencies import CreditsOf, CurrentUser, IdempotencyKey, requires
from api.openapi import errors
from api.schemas.credits import AccountView, AddCreditsBody, BalanceView, EntryView, RunUseView, SummedUseView
from api.schemas.fields import IdQuery, When
from api.schemas.pages import Number, Page, Size, listed

router = APIRouter(tags=["credits"], responses=errors(Invalid, Unauthenticated, Unavailable))
Since = Annotated[When | None, Query(description="not before this time")]
Until = Annotated[When | None, Query(description="before this time")]
Dimension = Literal["user", "model", "day"]


@router.get("/agent/credits/balance", summary="My credits")
async def get_credit_balance(user: CurrentUser, ledger: CreditsOf) -> BalanceView:
    return BalanceView.of(await ledger.balance(user.user_id))


@router.get("/agent/credits/usage", response_model=Page[RunUseView], summary="What my runs used, the last one first")
async def list_credit_usage(
    user: CurrentUser,
    ledger: CreditsOf,
    page: Number = 1,
    size: Size = 20,
    since: Since = None,
    until: Until = None,
) -> dict[str, Any]:
    part = Slice(page, size)
    return listed(await ledger.used(user.user_id, UseFilter(since=since, until=until), part), part)


@router.get("/agent/credits/ledger", response_model=Page[EntryView], summary="My ledger, the last movement first")
async def list_credit_entries(
    user: CurrentUser, ledger: CreditsOf, page: Number = 1, size: Size = 20
) -> dict[str, Any]:
    part = Slice(page, size)
    return listed(await ledger.movements(user.user_id, part), part)


@router.post(
    "/agent/credits/add",
    summary="Add credits to a user within my reach",
    responses=errors(Forbidden, NotFound, Conflict, IdempotencyMismatch),
)
async def add_credits(
    body: AddCreditsBody,
    user: Annotated[Principal, Depends(requires("credits:account:add"))],
    ledger: CreditsOf,
    idempotency_key: IdempotencyKey = None,
) -> BalanceView:
    return BalanceView.of(await ledger.add(body.grant(), user, idempotency_key))


@router.get(
    "/admin/credits/accounts",
    response_model=Page[AccountView],
    summary="What the users within my reach have",
    responses=errors(Forbidden),
)
async def list_credit_accounts(
    user: Annotated[Principal, Depends(requires("credits:account:list"))],
    ledger: CreditsOf,
    page: Number = 1,
    size: Size = 20,
) -> dict[str, Any]:
    part = Slice(page, size)
    return listed(await ledger.accounts(user, part), part)


@router.get(
    "/admin/credits/usage",
    response_model=Page[SummedUseView],
    summary="Use within my reach, summed by user, model and day, or by some of them",
    responses=errors(Forbidden),
)
async def sum_credit_usage(
    user: Annotated[Principal, Depends(requires("credits:usage:list"))],
    ledger: CreditsOf,
    by: Annotated[list[Dimension], Query(min_length=1, max_length=3)] = ["user", "model", "day"],  # noqa: B006  # FastAPI copies it
    page: Number = 1,
    size: Size = 20,
    user_id: IdQuery = None,
    since: Since = None,
    until: Until = None,
) -> dict[str, Any]:
    part, wanted = Slice(page, size), UseFilter(user_id, since, until)
    return listed(await ledger.summed(user, wanted, list(dict.fromkeys(by)), part), part)
