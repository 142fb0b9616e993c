"""Credits: bodies and views. Amounts have six decimals at most; money is US dollars."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.services.credits import Balance, NewGrant
from api.schemas.fields import Body, SomeId


class AddCreditsBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"user_id": 2, "amount": 500, "reason": "May's budget"}}
    )

    user_id: SomeId
    amount: Annotated[Decimal, Field(gt=0, le=1_000_000_000, decimal_places=6)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$")]

    def grant(self) -> NewGrant:
        return NewGrant(user_id=self.user_id, amount=self.amount, reason=self.reason)


class BalanceView(BaseModel):
    user_id: int
    balance: float = Field(description="to be spent")
    reserved: float = Field(description="set aside for runs that have not ended; what they do not use returns")
    enabled: bool = Field(description="whether runs are paid for; if not, use is recorded alone")

    @classmethod
    def of(cls, found: Balance) -> Self:
        return cls(
            user_id=found.user_id,
            balance=float(found.balance),
            reserved=float(found.reserved),
            enabled=found.enabled,
        )


class UseView(BaseModel):
    """What was used and what it came to."""

    calls: int = Field(description="answers of models, calls of tools, lines spoken")
    input_tokens: int
    output_tokens: int
    characters: int = Field(description="spoken")
    cost_usd: float
    credits: float = Field(description="its price")
    charged: float = Field(description="what was taken for it: nothing where runs are free")


class PartView(UseView):
    source: str = Field(description="model, tool or speech")
    name: str


class RunUseView(UseView):
    """One run; `parts` are its models, tools and voices."""

    run_id: uuid.UUID
    kind: str
    created_at: datetime = Field(description="when it was settled")
    parts: list[PartView]


class EntryView(BaseModel):
    """A movement of the ledger: the sums of `amount` and `reserved` are the balance."""

    id: int
    kind: str = Field(description="grant, reserve, release or charge")
    amount: float
    reserved: float
    run_id: uuid.UUID | None
    run_kind: str
    source: str
    name: str
    credits: float
    reason: str
    created_at: datetime


class SummedUseView(UseView):
    """A group; what it is not summed by is null."""

    user_id: int | None = None
    username: str | None = None
    source: str | None = None
    name: str | None = Field(None, description="of the model, the tool or the voice's provider")
    day: date | None = Field(None, description="in UTC")
    runs: int


class AccountView(BaseModel):
    user_id: int
    username: str
    balance: float
    reserved: float
    updated_at: datetime | None
