"""The task `agent_prompt`: an agent's answer to a prompt, as a chat of the scheduler's owner."""

import uuid

from pydantic import Field, field_validator

from agents_backend.agents.registry import AGENTS, DEFAULT_AGENT
from agents_backend.db.runs import RunRepository
from agents_backend.services.chats import ChatRequest, NewMessage
from agents_backend.services.task_parts import Arguments, Carriers, Checks, Owner, Performed, at


class AgentPrompt(Arguments):
    prompt: str = Field(min_length=1, max_length=100_000, pattern=r"^[^\x00]*$")
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


async def check(checks: Checks, user_id: int, arguments: AgentPrompt) -> None:
    """A thread that is named by an id of ours must be one's own; another name makes the thread when it is first used."""
    name = arguments.thread_id
    if name is None or await RunRepository(checks.session).thread(user_id, name) is not None:
        return
    try:
        uuid.UUID(name)
    except ValueError:
        return
    raise at(["kwargs", "thread_id"], "there is no such thread")


async def perform(carriers: Carriers, owner: Owner, arguments: AgentPrompt) -> Performed:
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
