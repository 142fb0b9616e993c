"""A user's own MCP settings: bodies and views."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.domain.mcp import CLAUDE_CODE, CODEX, ServerName
from agents_backend.services.coding_agents import TOOL_TYPES, KnownAgent, NewCodex
from agents_backend.services.mcp_servers import KnownServer
from api.schemas.fields import Body
from api.schemas.mcp import McpServerBody, McpServerView

_VISIBLE = r"^[\x21-\x7e]+$"
Effort = Literal["minimal", "low", "medium", "high"]


def _is_free(name: str) -> str:
    if name in (*TOOL_TYPES, "custom"):
        raise ValueError(f"the name {name} is taken by the setting of that name")
    return name


CustomName = Annotated[ServerName, AfterValidator(_is_free)]


class CodexBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"apikey": "sk-…", "model": "gpt-4o", "model_reasoning_effort": "medium", "search": False}
        },
    )

    apikey: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=_VISIBLE)] = Field(
        description="read back masked; the mask keeps it"
    )
    model: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_VISIBLE)] = "gpt-4o"
    model_reasoning_effort: Effort = "medium"
    search: bool = False

    def new(self) -> NewCodex:
        return NewCodex(self.apikey, self.model, self.model_reasoning_effort, self.search)


class ClaudeCodeBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"authorization_code": "code#verifier"}})

    authorization_code: Annotated[str, StringConstraints(min_length=3, max_length=4_096, pattern=_VISIBLE)] = Field(
        description="what Anthropic's page shows after the consent: code#verifier"
    )


class CustomServerBody(McpServerBody):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "notes", "url": "https://notes.example.com/mcp"}}
    )

    name: CustomName


class ToggleBody(Body):
    is_active: bool


class SettingView(BaseModel):
    tool_type: str
    is_active: bool
    error: str | None = Field(description="why it does not work now")
    created_at: datetime
    updated_at: datetime


class CodexView(SettingView):
    tool_type: Literal["codex"]
    apikey: str = Field(description="masked")
    model: str
    model_reasoning_effort: str
    search: bool


class ClaudeCodeView(SettingView):
    tool_type: Literal["claude-code"]
    access_token: str = Field(description="masked")
    scopes: list[str]
    expires_at: datetime | None = Field(description="of the access token, which is refreshed before")


class CustomServerView(McpServerView):
    tool_type: str = Field(description="the server's name")

    @classmethod
    def of(cls, server: KnownServer) -> Self:
        return cls.over(McpServerView.of(server))

    @classmethod
    def over(cls, view: McpServerView) -> Self:
        return cls.model_validate({**view.model_dump(), "tool_type": view.name})


class AuthorizeClaudeCodeView(BaseModel):
    url: str = Field(description="open it, consent, and copy what the page shows: code#verifier")
    verifier: str


AnySetting = CodexView | ClaudeCodeView | CustomServerView


def view_of(found: KnownAgent | KnownServer) -> AnySetting:
    if isinstance(found, KnownServer):
        return CustomServerView.of(found)
    return codex_view(found) if found.tool_type == CODEX else claude_code_view(found)


def codex_view(found: KnownAgent) -> CodexView:
    return CodexView(tool_type=CODEX, apikey=found.secret, **_shared(found), **found.options)


def claude_code_view(found: KnownAgent) -> ClaudeCodeView:
    return ClaudeCodeView(
        tool_type=CLAUDE_CODE,
        access_token=found.secret,
        expires_at=found.expires_at,
        **_shared(found),
        **found.options,
    )


def _shared(found: KnownAgent) -> dict[str, object]:
    return {
        "is_active": found.is_active,
        "error": found.error,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }
