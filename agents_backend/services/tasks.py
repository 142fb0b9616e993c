"""The tasks that a scheduler may name: what each wants as arguments, and how it is carried out, as its owner.

A new one is a class of arguments and a line in `TASKS`; one that starts a run of a kind needs no more than `run_of(kind)`.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.agents.registry import AGENTS, DEFAULT_AGENT
from agents_backend.db.runs import RunRepository
from agents_backend.domain.errors import Invalid
from agents_backend.services.chats import ChatRequest, Chats, NewMessage
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


Perform = Callable[[Carriers, Owner, Any], Awaitable[Performed]]
# Looks at what the arguments refer to, when a scheduler is made; raises Invalid.
Check = Callable[[AsyncSession, int, Any], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Task:
    name: str
    description: str
    arguments: type[Arguments]
    perform: Perform
    check: Check | None = None


def run_of(kind: str) -> Perform:
    """Carried out as a run of a kind, with the arguments as its options."""

    async def perform(carriers: Carriers, owner: Owner, arguments: Arguments) -> Performed:
        options = {**arguments.model_dump(mode="json"), "scheduler_id": str(owner.scheduler_id)}
        started = await carriers.starts.start(
            NewRun(user_id=owner.user_id, kind=kind, options=options, idempotency_key=owner.key, request_id=owner.key)
        )
        return Performed(run_id=started.run.id)

    return perform


class AgentPrompt(Arguments):
    prompt: str = Field(min_length=1, max_length=100_000)
    agent_name: str = DEFAULT_AGENT
    thread_id: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f]+$",
        description="the thread to say it in; without one, a new thread each time",
    )
    enable_web_search: bool = False
    enable_deep_thinking: bool = False
    locale: str = Field("en-US", pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")

    @field_validator("agent_name")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name not in AGENTS:
            raise ValueError(f"there is no such agent; choose one of {', '.join(AGENTS)}")
        return name


async def run_agent(carriers: Carriers, owner: Owner, arguments: AgentPrompt) -> Performed:
    """A chat that nobody watches: a plan needs no approval, and a busy thread is waited for."""
    options = arguments.model_dump(include={"enable_web_search", "enable_deep_thinking", "locale"})
    started = await carriers.chats.start(
        ChatRequest(
            user_id=owner.user_id,
            messages=[NewMessage("user", arguments.prompt)],
            thread_id=arguments.thread_id,
            agent_name=arguments.agent_name,
            options={**options, "auto_accept_plan": True, "scheduler_id": str(owner.scheduler_id)},
            multitask_strategy="enqueue",
            idempotency_key=owner.key,
            request_id=owner.key,
        )
    )
    return Performed(run_id=started.run.id)


async def thread_exists(session: AsyncSession, user_id: int, arguments: AgentPrompt) -> None:
    """A thread that is named by an id of ours must be one's own; another name makes the thread when it is first used."""
    name = arguments.thread_id
    if name is None or await RunRepository(session).thread(user_id, name) is not None:
        return
    try:
        uuid.UUID(name)
    except ValueError:
        return
    raise _at(["kwargs", "thread_id"], "there is no such thread")


TASKS: Final[dict[str, Task]] = {
    task.name: task
    for task in (
        Task(
            name="agent_prompt",
            description="Run an agent on a prompt, as a chat of its own or in a thread.",
            arguments=AgentPrompt,
            perform=run_agent,
            check=thread_exists,
        ),
    )
}


def find(name: str) -> Task:
    """The task of a name.

    Raises:
        Invalid: names the field.
    """
    if name not in TASKS:
        raise Invalid.field("task", f"there is no such task; choose one of {', '.join(TASKS)}")
    return TASKS[name]


def arguments_of(task: Task, args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """The arguments in the task's own form.

    Raises:
        Invalid: names each field at fault.
    """
    names = list(task.arguments.model_fields)
    if len(args) > len(names):
        raise _at(["args", len(names)], f"{task.name} takes {len(names)} arguments at most")
    given = dict(zip(names, args, strict=False))
    if twice := sorted(given.keys() & kwargs.keys()):
        raise _at(["kwargs", twice[0]], "is in args already")
    try:
        return task.arguments.model_validate({**given, **kwargs})
    except ValidationError as error:
        found = [
            {"loc": _place(list(item["loc"]), names, len(args)), "msg": item["msg"], "type": item["type"]}
            for item in error.errors()
        ]
        raise Invalid(f"{found[0]['loc'][-1]}: {found[0]['msg']}", errors=found) from None


def _place(loc: list[Any], names: list[str], positional: int) -> list[Any]:
    """Where the client wrote it."""
    if loc and loc[0] in names[:positional]:
        return ["body", "args", names.index(loc[0]), *loc[1:]]
    return ["body", "kwargs", *loc]


def _at(loc: list[Any], message: str) -> Invalid:
    error = {"loc": ["body", *loc], "msg": message, "type": "value_error"}
    return Invalid(f"{loc[-1]}: {message}", errors=[error])
