"""What this deployment can do."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from agents_backend.integrations.decks.themes import THEMES
from agents_backend.services.agent_config import AgentConfig
from agents_backend.services.sandbox_reach import Reach
from agents_backend.settings import EMBEDDED


class AgentView(BaseModel):
    name: str
    description: str
    is_default: bool


class ModelView(BaseModel):
    name: str
    provider: str
    model: str
    context_window: int
    tools: bool
    reasoning: bool
    is_default: bool
    is_embedded: bool


class ToolView(BaseModel):
    name: str
    description: str
    available: bool
    reason: str | None


class WebSearchView(BaseModel):
    enabled: bool
    provider: str | None
    reason: str | None


class SandboxesView(BaseModel):
    """Whether sandboxes can be had now, as a look at most ten seconds old has it."""

    configured: bool
    available: bool
    reason: str | None

    @classmethod
    def of(cls, reach: Reach) -> Self:
        return cls(configured=reach.is_configured, available=reach.is_reachable, reason=reach.reason)


class LimitsView(BaseModel):
    max_steps: int
    max_tool_result_bytes: int
    interrupt_days: int
    max_body_bytes: int
    runs_per_user: int
    streams_per_user: int


class AgentConfigView(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    version: str
    agents: list[AgentView]
    models: list[ModelView]
    default_model: str | None
    reasoning_model: str | None
    fallback_models: list[str]
    tools: list[ToolView]
    web_search: WebSearchView
    sandboxes: SandboxesView
    deck_themes: list[str]
    limits: LimitsView
    notice: str | None
    temporal_ui_url: str

    @classmethod
    def of(cls, found: AgentConfig, reach: Reach) -> Self:
        return cls(
            version=found.version,
            agents=[
                AgentView(name=a.name, description=a.description, is_default=a.name == found.default_agent)
                for a in found.agents
            ],
            models=[
                ModelView(
                    **m.model_dump(include={"name", "provider", "model", "context_window", "tools"}),
                    reasoning=m.reasons or m.name == found.reasoning_model,
                    is_default=m.name == found.default_model,
                    is_embedded=m.name == EMBEDDED,
                )
                for m in found.models
            ],
            default_model=found.default_model,
            reasoning_model=found.reasoning_model,
            fallback_models=list(found.fallback_models),
            tools=[
                ToolView(name=t.tool.name, description=t.tool.description, available=t.reason is None, reason=t.reason)
                for t in found.tools
            ],
            web_search=WebSearchView(
                enabled=found.search_provider is not None, provider=found.search_provider, reason=found.search_reason
            ),
            sandboxes=SandboxesView.of(reach),
            deck_themes=list(THEMES),
            limits=LimitsView(**found.limits),
            notice=found.notice,
            temporal_ui_url=found.temporal_ui_url,
        )
