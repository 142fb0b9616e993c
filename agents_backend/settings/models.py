"""Models, and the keys of the vendors of models and of web search."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from agents_backend.settings.group import Group, Listed, prefixed

EMBEDDED = "embedded"


EMBEDDED_NOTICE = (
    "No model is configured, so a very small one that runs on this machine answers: it streams and it chats, but what it says is "
    "often wrong, and it uses no tools. Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY or MODEL_LIST for a real one."
)


class ModelConfig(BaseModel):
    """One named model, reached through LangChain's `init_chat_model`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    name: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")
    provider: Literal["openai", "anthropic", "google_genai"] = "openai"
    model: str
    api_key: SecretStr | None = None
    base_url: str | None = None
    context_window: int = Field(128_000, ge=512, description="tokens")
    max_output_tokens: int = Field(8_192, ge=16)
    temperature: float | None = Field(None, ge=0, le=2)
    reasoning_effort: Literal["low", "medium", "high"] | None = None
    tools: bool = Field(default=True, description="whether the model can call tools")
    vision: bool = Field(default=False, description="whether the model is given pictures")
    input_price: float = Field(0, ge=0, description="US dollars a million input tokens")
    output_price: float = Field(0, ge=0, description="US dollars a million output tokens")

    @property
    def reasons(self) -> bool:
        """Whether enable_deep_thinking makes the model itself think aloud."""
        return self.provider != "openai" or self.reasoning_effort is not None


class ModelSettings(Group):
    """The models. `MODEL_LIST` is a JSON list of `ModelConfig`; the keys of the known vendors add one model each."""

    model_config = prefixed("MODEL_")

    list: tuple[ModelConfig, ...] = ()
    default: str | None = None
    reasoning: str | None = None
    embedded_url: str | None = Field(
        None, description="where `agents-backend up` runs the small model; it answers when no other is configured"
    )
    embedded_key: SecretStr | None = None
    fallbacks: Listed = Field((), description="names, comma-separated, tried in order")
    timeout_seconds: float = Field(570, gt=0, le=590, description="one call, at most; Temporal gives it 600")
    connect_timeout_seconds: float = Field(10, gt=0)
    idle_timeout_seconds: float = Field(60, gt=0, description="the longest silence within a stream")

    def embedded(self) -> ModelConfig | None:
        """The small model of this machine, where it runs."""
        if not self.embedded_url:
            return None
        return ModelConfig(
            name=EMBEDDED,
            model="SmolLM2-135M-Instruct",
            api_key=self.embedded_key,
            base_url=self.embedded_url,
            context_window=4_096,
            max_output_tokens=512,
            temperature=0.2,
            tools=False,
        )


class VendorSettings(Group):
    """Keys under the names that the vendors' own tools read."""

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-4o-mini"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None
    anthropic_model: str = "claude-sonnet-5-5"
    google_api_key: SecretStr | None = None
    google_base_url: str | None = None
    google_model: str = "gemini-2.5-flash"
    tavily_api_key: SecretStr | None = None
    tavily_url: str = "https://api.tavily.com"
    brave_api_key: SecretStr | None = None
    brave_url: str = "https://api.search.brave.com"
    searxng_url: str | None = None
    search_provider: Literal["tavily", "brave", "searxng"] | None = Field(
        None, description="which one searches; default: the first that has its key or address"
    )

    def models(self) -> tuple[ModelConfig, ...]:
        """One for each vendor whose key is set."""
        return tuple(model for model in (self._openai(), self._anthropic(), self._google()) if model)

    def _openai(self) -> ModelConfig | None:
        if not (self.openai_api_key or self.openai_base_url):
            return None
        return ModelConfig(
            name="openai",
            provider="openai",
            model=self.openai_model,
            api_key=self.openai_api_key,
            base_url=self.openai_base_url,
            vision=self.openai_base_url is None,  # who has another server says it in MODEL_LIST
        )

    def _anthropic(self) -> ModelConfig | None:
        if not self.anthropic_api_key:
            return None
        return ModelConfig(
            name="anthropic",
            provider="anthropic",
            model=self.anthropic_model,
            api_key=self.anthropic_api_key,
            base_url=self.anthropic_base_url,
            vision=True,
            context_window=200_000,
        )

    def _google(self) -> ModelConfig | None:
        if not self.google_api_key:
            return None
        return ModelConfig(
            name="google",
            provider="google_genai",
            model=self.google_model,
            api_key=self.google_api_key,
            base_url=self.google_base_url,
            vision=True,
            context_window=1_000_000,
        )
