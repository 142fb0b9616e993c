"""What a scheduler's tasks are made of: arguments, their owner, what they are carried out with, what comes of them."""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.domain.errors import Invalid
from agents_backend.integrations.addresses import Policy, check_url
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.integrations.pages import Pages
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.chats import Chats
from agents_backend.services.decks import DeckRequests
from agents_backend.services.logs import Retention
from agents_backend.services.outcomes import Signing
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.rag_resources import Resources
from agents_backend.services.sandbox_sweeps import SandboxSweeps


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
    podcasts: PodcastRequests
    decks: DeckRequests
    resources: Resources
    outgoing: Outgoing
    signing: Signing
    pages: Pages
    reader: Reader
    sandbox_sweeps: SandboxSweeps
    retention: Retention
    artifacts: Artifacts


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
        with blamed_on(*loc):
            check_url(url, self.addresses)


Perform = Callable[[Carriers, Owner, Any], Awaitable[Performed]]
# Looks at what the arguments refer to, on behalf of a user; raises Invalid.
Check = Callable[[Checks, int, Any], Awaitable[None]]


def always(_: Any) -> bool:
    return True


def never(_: Any) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of the registry.

    Attributes:
        quick: whether it is done, or its run started, within a few seconds; then it costs no activity of its own.
        permission: what its owner must hold, when a scheduler names it and at each fire; None: whoever may sign in.
    """

    name: str
    description: str
    arguments: type[Arguments]
    perform: Perform
    check: Check | None = None
    quick: Callable[[Any], bool] = always
    permission: str | None = None


def at(loc: list[Any], message: str) -> Invalid:
    """An error about one place in the body."""
    error = {"loc": ["body", *loc], "msg": message, "type": "value_error"}
    return Invalid(f"{loc[-1]}: {message}", errors=[error])


@contextmanager
def blamed_on(*loc: Any) -> Iterator[None]:
    """What is said against a value within the block is said of this place in the body.

    Raises:
        Invalid: names it.
    """
    try:
        yield
    except Invalid as error:
        raise at(list(loc), error.errors[0]["msg"] if error.errors else error.detail) from None
