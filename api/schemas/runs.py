"""Chat bodies and the views of runs, threads and messages."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.db.tables.runs import Message, Run, Thread
from agents_backend.domain.runs import Decision, MultitaskStrategy
from agents_backend.services.chats import ChatRequest, NewMessage

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChatMessage(Body):
    role: Literal["user", "assistant", "system"] = "user"
    content: str = Field(min_length=1, max_length=500_000)
    id: Name | None = None


class McpSettings(Body):
    servers: dict[str, Any] = Field(default_factory=dict)


class ChatBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"messages": [{"role": "user", "content": "Hello"}], "agent_name": "chat"}},
    )

    messages: list[ChatMessage] = Field(min_length=1, max_length=500)
    thread_id: Name | None = None
    agent_name: str = "chat"
    model: Name | None = Field(None, description="one of /agent/config's models; without it, the default one")
    resources: list[dict[str, Any]] = Field(default_factory=list, max_length=50)
    mcp_settings: McpSettings = Field(default_factory=McpSettings)
    enable_web_search: bool = False
    enable_deep_thinking: bool = False
    auto_accept_plan: bool = False
    locale: str = Field("en-US", pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")
    multitask_strategy: MultitaskStrategy = "reject"
    interrupt_before_tools: list[Name] = Field(default_factory=list, max_length=100)

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> ChatRequest:
        options = self.model_dump(
            include={
                "model",
                "enable_web_search",
                "enable_deep_thinking",
                "auto_accept_plan",
                "locale",
                "interrupt_before_tools",
            }
        )
        return ChatRequest(
            user_id=user_id,
            messages=[NewMessage(m.role, m.content, m.id) for m in self.messages],
            thread_id=self.thread_id,
            agent_name=self.agent_name,
            options=options,
            multitask_strategy=self.multitask_strategy,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )


class ResumeBody(Body):
    decision: Decision
    feedback: str | None = Field(None, max_length=20_000)
    answers: Any = None


class RunView(BaseModel):
    id: uuid.UUID
    kind: str
    agent_name: str
    thread_id: str
    status: str
    model: str
    usage: dict[str, Any]
    cost_usd: float
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None
    temporal_ui_url: str

    @classmethod
    def of(cls, run: Run, thread_id: str, *, ui_url: str, namespace: str) -> Self:
        return cls(
            id=run.id,
            kind=run.kind,
            agent_name=run.agent_name,
            thread_id=thread_id,
            status=run.status,
            model=run.model,
            usage=run.usage,
            cost_usd=run.cost_usd,
            error=run.error,
            created_at=run.created_at,
            finished_at=run.finished_at,
            temporal_ui_url=f"{ui_url}/namespaces/{namespace}/workflows/{run.kind}-{run.id}",
        )


class ThreadView(BaseModel):
    id: str
    title: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, thread: Thread) -> Self:
        return cls(id=thread.public_id, title=thread.title, created_at=thread.created_at, updated_at=thread.updated_at)


class MessageView(BaseModel):
    id: str
    role: str
    content: str
    reasoning: str
    tool_calls: list[Any] | None
    tool_call_id: str | None
    model: str | None = Field(description="which model wrote it")
    sources: list[dict[str, str]] | None = Field(description="what a tool's result rests on")
    run_id: uuid.UUID | None
    is_partial: bool
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(
            id=message.message_id,
            role=message.role,
            content=message.content,
            reasoning=message.reasoning,
            tool_calls=message.tool_calls,
            tool_call_id=message.tool_call_id,
            model=(message.usage or {}).get("model"),
            sources=message.sources,
            run_id=message.run_id,
            is_partial=message.is_partial,
            created_at=message.created_at,
        )
