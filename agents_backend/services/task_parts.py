"""What a scheduler's tasks are made of: arguments, their owner, what they are carried out with, what comes of them."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.domain.errors import AddressRefused, Invalid
from agents_backend.integrations.addresses import Policy, check_url
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.services.chats import Chats
from agents_backend.services.outcomes import Signing
from agents_backend.services.run_starts import NewRun, RunStarts


class Arguments(BaseModel):
    """A task's arguments; `args` fill the fields in their order, `kwargs` by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Owner:
    """For whom and on behalf of what a task is carried out."""

    user_id: int
    scheduler_id: uuid.UUID
    fire_id: uuid.UUID
    secret_version: int

    @property
    def key(self) -> str:
        """One a fire: a task that is tried again starts nothing twice."""
        return f"schedule:{self.fire_id}"


@dataclass(frozen=True)
class Performed:
    """What came of a task.

    Attributes:
        run_id: the run that it started and whose end is its end; without one the task is done.
        result: small, for people.
    """

    run_id: uuid.UUID | None = None
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Carriers:
    """What tasks are carried out with."""

    chats: Chats
    starts: RunStarts
    outgoing: Outgoing
    signing: Signing


@dataclass(frozen=True)
class Checks:
    """What arguments are checked with when a scheduler is made."""

    session: AsyncSession
    addresses: Policy

    def url(self, loc: list[Any], url: str) -> None:
        """Refuse an address that we would not connect to, as far as that can be told without asking anybody.

        Raises:
            Invalid: names the field.
        """
        try:
            check_url(url, self.addresses)
        except AddressRefused as error:
            raise at(loc, error.detail) from None


Perform = Callable[[Carriers, Owner, Any], Awaitable[Performed]]
# Looks at what the arguments refer to, on behalf of a user; raises Invalid.
Check = Callable[[Checks, int, Any], Awaitable[None]]


def always(_: Any) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of the registry.

    Attributes:
        quick: whether it is done, or its run started, within a few seconds; then it costs no activity of its own.
    """

    name: str
    description: str
    arguments: type[Arguments]
    perform: Perform
    check: Check | None = None
    quick: Callable[[Any], bool] = always


def run_of(kind: str) -> Perform:
    """Carried out as a run of a kind, with the arguments as its options."""

    async def perform(carriers: Carriers, owner: Owner, arguments: Arguments) -> Performed:
        options = {**arguments.model_dump(mode="json"), "scheduler_id": str(owner.scheduler_id)}
        started = await carriers.starts.start(
            NewRun(user_id=owner.user_id, kind=kind, options=options, idempotency_key=owner.key, request_id=owner.key)
        )
        return Performed(run_id=started.run.id)

    return perform


def at(loc: list[Any], message: str) -> Invalid:
    """An error about one place in the body."""
    error = {"loc": ["body", *loc], "msg": message, "type": "value_error"}
    return Invalid(f"{loc[-1]}: {message}", errors=[error])
