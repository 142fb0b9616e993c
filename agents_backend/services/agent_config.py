"""What this deployment can do, for any signed-in user: agents, models, tools, limits. Never a secret, never a vendor's address."""

from dataclasses import dataclass
from importlib.metadata import version

from agents_backend.agents.registry import AGENTS, DEFAULT_AGENT, Agent
from agents_backend.integrations.search import chosen, missing
from agents_backend.services.toolboxes import Availability, Toolboxes
from agents_backend.settings import EMBEDDED, EMBEDDED_NOTICE, ModelConfig, Settings

NO_MODEL = (
    "No model is configured: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY, OPENAI_BASE_URL or MODEL_LIST."
)


@dataclass(frozen=True)
class AgentConfig:
    """Fixed while the process runs.

    Attributes:
        search_provider: None when there is none; `search_reason` then says why.
        notice: what every user should know, or None.
    """

    version: str
    agents: tuple[Agent, ...]
    default_agent: str
    models: tuple[ModelConfig, ...]
    default_model: str | None
    reasoning_model: str | None
    fallback_models: tuple[str, ...]
    tools: tuple[Availability, ...]
    search_provider: str | None
    search_reason: str | None
    limits: dict[str, int]
    notice: str | None
    temporal_ui_url: str


def agent_config(settings: Settings, toolboxes: Toolboxes) -> AgentConfig:
    """Put together from the settings and what the toolboxes say of themselves."""
    models = settings.configured_models()
    default = settings.models.default or next((model.name for model in models), None)
    provider = chosen(settings.vendors)
    return AgentConfig(
        version=version("agents-backend"),
        agents=tuple(AGENTS.values()),
        default_agent=DEFAULT_AGENT,
        models=models,
        default_model=default,
        reasoning_model=settings.models.reasoning,
        fallback_models=settings.models.fallbacks,
        tools=tuple(toolboxes.catalogue()),
        search_provider=provider,
        search_reason=missing(settings.vendors),
        limits=limits_of(settings),
        notice=NO_MODEL if default is None else EMBEDDED_NOTICE if default == EMBEDDED else None,
        temporal_ui_url=settings.temporal.ui_url,
    )


def limits_of(settings: Settings) -> dict[str, int]:
    return {
        "max_steps": settings.agents.max_steps,
        "max_tool_result_bytes": settings.agents.max_tool_result_bytes,
        "interrupt_days": settings.agents.interrupt_days,
        "max_body_bytes": settings.api.max_body_bytes,
        "runs_per_user": settings.api.runs_per_user,
        "streams_per_user": settings.api.streams_per_user,
    }
