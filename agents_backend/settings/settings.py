"""All groups together, and what they must be together."""

from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from agents_backend.settings.accounts import AuthSettings, OAuth2Settings, RetentionSettings, VaultSettings
from agents_backend.settings.agents import AgentSettings, CreditSettings, SchedulerSettings
from agents_backend.settings.connections import DatabaseSettings, RedisSettings, TemporalSettings
from agents_backend.settings.group import Group
from agents_backend.settings.knowledge import EmbeddingSettings, RagSettings
from agents_backend.settings.media import FileSettings, SpeechSettings, StorageSettings
from agents_backend.settings.models import EMBEDDED, ModelConfig, ModelSettings, VendorSettings
from agents_backend.settings.processes import ApiSettings, StackSettings, TelemetrySettings, WorkerSettings
from agents_backend.settings.sandboxes import ClaudeCodeSettings, E2BSettings, SandboxSettings

Environment = Literal["development", "test", "production"]


class Settings(Group):
    """Everything. Build one with `load()`."""

    environment: Environment = Field("development", description="production refuses missing and weak secrets")
    data_dir: Path = Field(Path(".data"), description="what `up` keeps, and stored files")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    admin_username: str = "admin"
    admin_password: SecretStr | None = Field(None, description="of the first start; else made and printed once")
    captcha_required: bool = Field(default=False, description="at every sign-in; else after 3 failures")

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    temporal: TemporalSettings = Field(default_factory=TemporalSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    vault: VaultSettings = Field(default_factory=VaultSettings)
    oauth2: OAuth2Settings = Field(default_factory=OAuth2Settings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    vendors: VendorSettings = Field(default_factory=VendorSettings)
    agents: AgentSettings = Field(default_factory=AgentSettings)
    schedulers: SchedulerSettings = Field(default_factory=SchedulerSettings)
    claude_code: ClaudeCodeSettings = Field(default_factory=ClaudeCodeSettings)
    e2b: E2BSettings = Field(default_factory=E2BSettings)
    sandboxes: SandboxSettings = Field(default_factory=SandboxSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    files: FileSettings = Field(default_factory=FileSettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    embeddings: EmbeddingSettings = Field(default_factory=EmbeddingSettings)
    rag: RagSettings = Field(default_factory=RagSettings)
    credits: CreditSettings = Field(default_factory=CreditSettings)
    stack: StackSettings = Field(default_factory=StackSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)

    @property
    def in_production(self) -> bool:
        return self.environment == "production"

    @property
    def payloads_encrypted(self) -> bool:
        wanted = self.temporal.encrypt_payloads
        return self.in_production if wanted is None else wanted

    def missing(self) -> tuple[str, ...]:
        """The names of the variables without which an API or worker process cannot run."""
        needed = {
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.redis.url,
            "TEMPORAL_ADDRESS": self.temporal.address,
            "AUTH_SECRET": self.auth.secret,
            "VAULT_KEYS": self.vault.keys,
        }
        return tuple(name for name, value in needed.items() if value is None)

    def unfit_for_production(self) -> tuple[str, ...]:
        """What is missing or still at a default in production, each as a sentence that names its variable."""
        if not self.in_production:
            return ()
        password, secret, address = self.admin_password, self.auth.secret, self.api.public_url or ""
        problems = {
            "ADMIN_PASSWORD is not set": password is None,
            f"ADMIN_PASSWORD is a well-known one or shorter than {_MIN_PASSWORD} characters": _is_weak(password),
            "AUTH_SECRET is not random": secret is not None and not _is_random(secret.get_secret_value()),
            "VAULT_KEYS is not random": not all(_is_random(key) for key in self.vault.listed()),
            "AGENT_FETCH_ALLOW_LOOPBACK is for tests": self.agents.fetch_allow_loopback,
            "API_PUBLIC_URL is not set to an https:// address, which sign-in with OAuth2 needs": (
                self.oauth2.offered and not address.startswith("https://")
            ),
        }
        unset = (f"{name} is not set" for name in self.missing())
        return (*unset, *(problem for problem, holds in problems.items() if holds))

    @model_validator(mode="after")
    def _named_models_exist(self) -> Self:
        if any(model.name == EMBEDDED for model in self.models.list):
            raise ValueError(f"MODEL_LIST: the name {EMBEDDED} is kept for the small model of this machine")
        names = {model.name for model in self.configured_models()}
        wanted = {name for name in (self.models.default, self.models.reasoning, *self.models.fallbacks) if name}
        if unknown := sorted(wanted - names):
            raise ValueError(f"no such model: {', '.join(unknown)}; configured: {', '.join(sorted(names)) or 'none'}")
        return self

    def configured_models(self) -> tuple[ModelConfig, ...]:
        """The models of MODEL_LIST, then one for each vendor whose key is set; the embedded one where there is no other."""
        found = [*self.models.list, *self.vendors.models()]
        if not found and (embedded := self.models.embedded()):
            found.append(embedded)
        return tuple({model.name: model for model in reversed(found)}.values())[::-1]


_WEAK = frozenset(
    {"admin", "password", "password123", "123456", "12345678", "123456789012", "changeme", "change-me-now"}
)


_MIN_PASSWORD = 12


_MIN_DISTINCT = 8


def _is_weak(password: SecretStr | None) -> bool:
    if password is None:
        return False
    given = password.get_secret_value()
    return given.lower() in _WEAK or len(given) < _MIN_PASSWORD


def _is_random(key: str | bytes) -> bool:
    return len(set(key)) >= _MIN_DISTINCT


@cache
def load() -> Settings:
    """Read the settings of this process once.

    Raises:
        pydantic.ValidationError: a value is not of its type; the message names the field.
    """
    return Settings()
