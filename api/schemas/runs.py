"""Chat bodies and the views of runs, threads and messages."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agents_backend.db.tables.runs import Artifact, Message, Run, Thread
from agents_backend.domain.runs import Decision, MultitaskStrategy
from agents_backend.services.chats import ChatRequest, NewMessage
from agents_backend.services.content import STAGED
from agents_backend.services.rag_tools import RESOURCES
from api.schemas.artifacts import ArtifactView
from api.schemas.mcp import McpSettings
from api.schemas.rag import ResourceRef

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChatMessage(Body):
    role: Literal["user", "assistant", "system"] = "user"
    content: str = Field(min_length=1, max_length=500_000)
    id: Name | None = None


class ChatOptions(Body):
    """What a client may add to its messages, however it asks: as fields of the body, or as AG-UI's forwardedProps."""

    model: Name | None = Field(None, description="one of /agent/config's models; without it, the default one")
    enable_web_search: bool = False
    enable_deep_thinking: bool = False
    auto_accept_plan: bool = False
    locale: str = Field("en-US", pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")
    multitask_strategy: MultitaskStrategy = "reject"
    interrupt_before_tools: list[Name] = Field(default_factory=list, max_length=100)
    mcp_settings: McpSettings = Field(default_factory=McpSettings)
    resources: list[ResourceRef] = Field(
        default_factory=list, max_length=50, description="the documents to retrieve from; none: all of one's own"
    )
    file_ids: list[uuid.UUID] = Field(
        default_factory=list, max_length=20, description="files of /agent/files that belong to the last message"
    )

    def for_run(self) -> dict[str, Any]:
        """Those that the run's row keeps."""
        plain = self.model_dump(
            include=set(ChatOptions.model_fields) - {"multitask_strategy", "mcp_settings", "resources", "file_ids"}
        )
        return {**plain, RESOURCES: [str(resource.id) for resource in self.resources]} if self.resources else plain


class ResumeEntry(Body):
    """AG-UI's answer to one interrupt; `payload` is a `ResumeBody`, or what the interrupt's `response_schema` asks for."""

    interrupt_id: str = Field(max_length=160, validation_alias=AliasChoices("interrupt_id", "interruptId"))
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class ChatBody(ChatOptions):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"messages": [{"role": "user", "content": "Hello"}], "agent_name": "chat"}},
    )

    messages: list[ChatMessage] = Field(default_factory=list, max_length=500)
    _has_sandbox: ClassVar[bool] = False

    thread_id: Name | None = None
    agent_name: str = "chat"
    resume: list[ResumeEntry] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.messages and not self.resume:
            raise ValueError("messages: at least one, or an answer in `resume`")
        if self.resume and self.thread_id is None:
            raise ValueError("resume: name the thread that waits in `thread_id`")
        return self

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> ChatRequest:
        return ChatRequest(
            user_id=user_id,
            messages=[NewMessage(m.role, m.content, m.id) for m in self.messages],
            thread_id=self.thread_id,
            agent_name=self.agent_name,
            options=self.for_run(),
            mcp=self.mcp_settings.wishes(self.agent_name, has_sandbox=self._has_sandbox),
            multitask_strategy=self.multitask_strategy,
            idempotency_key=idempotency_key,
            request_id=request_id,
            resume=[answer_of(entry.interrupt_id, entry.status, entry.payload) for entry in self.resume],
            file_ids=self.file_ids,
        )


class AgentBody(ChatBody):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "messages": [
                    {"role": "user", "content": "Write a program that prints the first 20 primes, and run it."}
                ]
            }
        },
    )

    _has_sandbox: ClassVar[bool] = True

    agent_name: str = "coder"
    session_id: Name | None = Field(
        None,
        description="the sandbox to work in: the `session_id` it was made with, or its id; without it, the thread's own",
    )

    def request(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> ChatRequest:
        made = super().request(user_id, idempotency_key=idempotency_key, request_id=request_id)
        chosen = {} if self.session_id is None else {"session_id": self.session_id}
        return replace(made, kind="agent", options={**made.options, **chosen})


class ResumeBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"decision": "approve"}})

    decision: Decision
    feedback: str | None = Field(None, max_length=20_000)
    answers: Any = None


def answer_of(interrupt_id: str, status: str, payload: Any) -> tuple[str, dict[str, Any]]:
    """An AG-UI resume entry as a decision: what is cancelled is refused, any other payload than a decision is the answer itself."""
    if status == "cancelled":
        return interrupt_id, {"decision": "reject"}
    if isinstance(payload, dict) and payload.get("decision") in get_args(Decision):
        return interrupt_id, {k: payload[k] for k in ("decision", "feedback", "answers") if payload.get(k) is not None}
    return interrupt_id, {"decision": "approve", **({} if payload is None else {"answers": payload})}


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
    artifacts: list[ArtifactView]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    temporal_ui_url: str

    @classmethod
    def of(cls, run: Run, thread_id: str, *, ui_url: str, namespace: str, artifacts: Sequence[Artifact] = ()) -> Self:
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
            artifacts=[ArtifactView.of(artifact) for artifact in artifacts],
            created_at=run.created_at,
            started_at=run.started_at,
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


class AttachedView(BaseModel):
    """A file as it was attached; it may have been deleted since."""

    file_id: uuid.UUID
    name: str
    media_type: str
    size: int


class MessageView(BaseModel):
    id: str
    role: str
    scope: str = Field(description="`main`, `plan`, or the step of a plan that it is part of: `task-1`")
    content: str
    reasoning: str
    tool_calls: list[Any] | None
    tool_call_id: str | None
    model: str | None = Field(description="which model wrote it")
    sources: list[dict[str, str]] | None = Field(description="what a tool's result rests on")
    files: list[AttachedView] = Field(description="what was attached to it")
    run_id: uuid.UUID | None
    is_partial: bool
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(
            id=message.message_id,
            role=message.role,
            scope=message.scope,
            content=message.content,
            reasoning=message.reasoning,
            tool_calls=message.tool_calls,
            tool_call_id=message.tool_call_id,
            model=(message.usage or {}).get("model"),
            sources=message.sources,
            files=[AttachedView.model_validate(part) for part in message.parts or () if part.get("type") == STAGED],
            run_id=message.run_id,
            is_partial=message.is_partial,
            created_at=message.created_at,
        )
