"""Settings: frozen, nested, typed, read once by each composition root (api, worker, cli) and handed down.

Every value is an environment variable named by its group's prefix and its field (`DATABASE_URL`), or a file of that
name, lower case, in `SECRETS_DIR` (default `/run/secrets`: Docker's and Kubernetes' secrets). Nothing else reads the environment.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Environment = Literal["development", "test", "production"]
_KEY = re.compile(r"[0-9a-f]{64}")


def _secrets_dir() -> Path | None:
    path = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
    return path if path.is_dir() else None


class Group(BaseSettings):
    """A group of settings that share a prefix."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", secrets_dir=_secrets_dir(), env_ignore_empty=True)


def _group(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(
        frozen=True, extra="ignore", secrets_dir=_secrets_dir(), env_prefix=prefix, env_ignore_empty=True
    )


class DatabaseSettings(Group):
    """PostgreSQL 15 or later. Without a URL, `agents-backend up` starts an embedded one."""

    model_config = _group("DATABASE_")

    url: SecretStr | None = Field(None, description="postgresql://user:password@host:port/name")
    pool_size: int = Field(20, ge=1, le=200, description="connections of one process that are kept")
    pool_overflow: int = Field(
        0, ge=0, le=200, description="more of them at a peak; each is opened for one use, which costs more than to wait"
    )
    statement_timeout_seconds: float = Field(30, gt=0)


class RedisSettings(Group):
    """Redis 7 or Valkey 8 and later."""

    model_config = _group("REDIS_")

    url: SecretStr | None = Field(None, description="redis://:password@host:port/0")
    pool_size: int = Field(32, ge=2, le=1000, description="connections of one process, at most")
    timeout_seconds: float = Field(5, gt=0)


class TemporalSettings(Group):
    model_config = _group("TEMPORAL_")

    address: str | None = Field(None, description="host:port")
    namespace: str = "default"
    api_key: SecretStr | None = Field(None, description="Temporal Cloud's")
    tls: bool = Field(default=False, description="speak TLS to it, as Temporal Cloud wants")
    encrypt_payloads: bool | None = Field(
        None, description="what its histories hold is encrypted, with VAULT_KEYS; default: in production"
    )
    ui_url: str = Field("http://localhost:8233", description="where people open runs")
    rpc_timeout_seconds: float = Field(5, gt=0)

    @property
    def ui_origin(self) -> str:
        """What a browser calls the origin of the UI's page."""
        found = urlsplit(self.ui_url)
        return f"{found.scheme}://{found.netloc}".lower()


class ApiSettings(Group):
    model_config = _group("API_")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    public_url: str | None = Field(None, description="how browsers reach the API; default http://host:port")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="beyond it a request is answered with 413")
    streams_per_user: int = Field(1200, ge=1, description="open at once")
    runs_per_user: int = Field(200, ge=1, description="active at once")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses whose X-Forwarded-For is believed"
    )

    @property
    def base_url(self) -> str:
        """How browsers reach the API, without a slash at its end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def codec_url(self) -> str:
        """The codec server, as the Temporal UI and CLI want to be told it."""
        return f"{self.base_url}/api/v1/admin/auth/payloads"

    @model_validator(mode="before")
    @classmethod
    def _split(cls, data: object) -> object:
        if isinstance(data, dict):
            for name in ("cors_origins", "trusted_proxies"):
                if isinstance(data.get(name), str):
                    data[name] = tuple(part.strip() for part in data[name].split(",") if part.strip())
        return data


class WorkerSettings(Group):
    model_config = _group("WORKER_")

    metrics_host: str = Field("127.0.0.1", description="where the metrics and the health of a worker are told")
    metrics_port: int = Field(0, ge=0, le=65535, description="Prometheus port of a worker process; 0: none")
    max_concurrent_activities: int = Field(200, ge=1, description="on each queue of one process")
    max_concurrent_workflow_tasks: int = Field(100, ge=2)
    graceful_shutdown_seconds: float = Field(10, ge=0, description="for activities to end when it stops")


class AuthSettings(Group):
    model_config = _group("AUTH_")

    secret: SecretStr | None = Field(
        None, min_length=32, description="signs access tokens (HS256), 32 characters or more"
    )
    previous_secret: SecretStr | None = Field(None, description="still accepted while tokens signed by it live")
    issuer: str = "agents-backend"
    audience: str = "agents-backend-api"
    access_token_seconds: int = Field(900, ge=30)
    refresh_token_seconds: int = Field(30 * 24 * 3600, ge=60)
    refresh_grace_seconds: float = Field(
        0,
        ge=0,
        le=60,
        description="a refresh token sent so soon after it was replaced is refused, but does not revoke its session",
    )
    session_cache_seconds: float = Field(0.5, ge=0, le=1, description="how stale a revocation may be on one process")
    login_attempts: int = Field(10, ge=3, description="failures a window, of one account from one address, before 429")
    login_attempts_per_address: int = Field(50, ge=3)
    login_window_seconds: int = Field(300, ge=10)
    hash_concurrency: int = Field(2, ge=1, description="password hashes computed at once by one process")
    logins_waiting: int = Field(256, ge=1, description="sign-ins that wait for their turn in one process, at most")
    cookie_secure: bool | None = Field(None, description="default: on in production")


class VaultSettings(Group):
    """The keys of what is encrypted at rest: secrets in PostgreSQL, payloads in Temporal. AES-256-GCM; see docs/deploy.md on rotation."""

    model_config = _group("VAULT_")

    keys: SecretStr | None = Field(
        None,
        description="64 hexadecimal digits each (`openssl rand -hex 32`), comma-separated: the first encrypts, each decrypts",
    )

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, given: SecretStr | None) -> SecretStr | None:
        found = _split(given)
        if given is not None and not (found and all(_KEY.fullmatch(key) for key in found)):
            raise ValueError("each key is 64 hexadecimal digits, with commas between them")
        if len(set(found)) < len(found):
            raise ValueError("the same key stands there twice")
        return given

    def listed(self) -> tuple[bytes, ...]:
        """The keys, newest first, of 32 bytes each."""
        return tuple(bytes.fromhex(key) for key in _split(self.keys))


def _split(keys: SecretStr | None) -> list[str]:
    return [key for key in re.split(r"[\s,]+", keys.get_secret_value().lower()) if key] if keys else []


class OAuth2Settings(Group):
    """Sign-in with GitHub and Google. A provider is offered once its client id and secret are set.

    What to register there as the callback is `<API_PUBLIC_URL>/api/v1/admin/oauth2/<github or google>/callback`.
    """

    model_config = _group("OAUTH2_")

    sign_up: bool = Field(
        default=False, description="whoever has an account there gets a user here; else only those who linked theirs"
    )
    github_client_id: str | None = None
    github_client_secret: SecretStr | None = None
    github_issuer: str = Field("https://github.com/login/oauth", description="as it names itself in its callbacks")
    github_authorize_url: str = "https://github.com/login/oauth/authorize"
    github_token_url: str = "https://github.com/login/oauth/access_token"  # noqa: S105  # an address
    github_api_url: str = "https://api.github.com"
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    google_issuer: str = Field("https://accounts.google.com", description="of its callbacks and id tokens")
    google_authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    google_token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
    google_jwks_url: str = Field("https://www.googleapis.com/oauth2/v3/certs", description="keys of its id tokens")
    flow_seconds: int = Field(600, ge=30, le=600, description="how long somebody may take at the provider")
    timeout_seconds: float = Field(5, gt=0, le=60, description="one request to a provider, at most")

    @model_validator(mode="after")
    def _ids_have_secrets(self) -> Self:
        for name in ("github", "google"):
            if (getattr(self, f"{name}_client_id") is None) != (getattr(self, f"{name}_client_secret") is None):
                both = f"OAUTH2_{name.upper()}_CLIENT_ID and OAUTH2_{name.upper()}_CLIENT_SECRET"
                raise ValueError(f"{both} belong together")
        return self

    @property
    def offered(self) -> bool:
        return self.github_client_id is not None or self.google_client_id is not None


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

    model_config = _group("MODEL_")

    list: tuple[ModelConfig, ...] = ()
    default: str | None = None
    reasoning: str | None = None
    embedded_url: str | None = Field(
        None, description="where `agents-backend up` runs the small model; it answers when no other is configured"
    )
    embedded_key: SecretStr | None = None
    fallbacks: Annotated[tuple[str, ...], NoDecode] = Field((), description="names, comma-separated, tried in order")
    timeout_seconds: float = Field(570, gt=0, le=590, description="one call, at most; Temporal gives it 600")
    connect_timeout_seconds: float = Field(10, gt=0)
    idle_timeout_seconds: float = Field(60, gt=0, description="the longest silence within a stream")

    @model_validator(mode="before")
    @classmethod
    def _split(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("fallbacks"), str):
            data["fallbacks"] = tuple(part.strip() for part in data["fallbacks"].split(",") if part.strip())
        return data


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


class AgentSettings(Group):
    model_config = _group("AGENT_")

    max_steps: int = Field(150, ge=1, le=1000, description="model calls in one run, at most")
    max_tool_result_bytes: int = Field(200_000, ge=1_000)
    interrupt_days: int = Field(30, ge=1, description="how long a run waits for a human")
    fetch_allow_loopback: bool = Field(
        default=False, description="for tests alone: lets pages be fetched from loopback"
    )


class SchedulerSettings(Group):
    model_config = _group("SCHEDULER_")

    per_user: int = Field(1000, ge=1, description="schedulers of one user, at most")
    history_days: int = Field(90, ge=1, description="how long the list of a scheduler's runs goes back")


class ClaudeCodeSettings(Group):
    """How users sign in to Claude Code, whose credentials go into their sandboxes. Anthropic's own client and addresses."""

    model_config = _group("CLAUDE_CODE_")

    authorize_url: str = "https://claude.ai/oauth/authorize"
    token_url: str = "https://console.anthropic.com/v1/oauth/token"  # noqa: S105  # an address
    redirect_uri: str = "https://console.anthropic.com/oauth/code/callback"
    client_id: str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
    scope: str = "org:create_api_key user:profile user:inference"
    timeout_seconds: float = Field(15, gt=0, le=60, description="one exchange or refresh, at most")
    refresh_early_seconds: float = Field(900, ge=1, description="how long before it expires a token is refreshed")


class E2BSettings(Group):
    """Sandboxes: E2B's own with `E2B_API_KEY`; without, `agents-backend up` starts the embedded host and sets these for its processes."""

    model_config = _group("E2B_")

    api_key: SecretStr | None = None
    api_url: str | None = Field(None, description="the control plane; default https://api.<domain>")
    sandbox_url: str | None = Field(None, description="where all sandboxes are reached; default one host for each")
    domain: str = Field("e2b.app", description="the suffix of port hosts, {port}-{id}.<domain>")
    template: str = Field("agents-backend-sandbox", description="what a sandbox is made from, unless it is said")
    timeout_seconds: int = Field(1800, ge=30, le=86_400, description="how long a sandbox runs before it is paused")
    request_timeout_seconds: float = Field(8, gt=0, description="one request, at most; transfers of files take longer")


class SandboxSettings(Group):
    """What one's users may have of sandboxes, and for how long they are kept."""

    model_config = _group("SANDBOX_")

    retention_days: float = Field(30, gt=0, description="how long a paused one is kept")
    check_seconds: int = Field(600, ge=5, description="between two looks at E2B, of each running sandbox")
    per_user: int = Field(10, ge=1, description="living at once")
    commands_per_sandbox: int = Field(20, ge=1, description="running at once")
    max_file_bytes: int = Field(1_100_000_000, ge=1, description="of an upload or a download")
    vscode: bool | None = Field(
        None, description="whether sandboxes have VS Code; default: `up` asks its host, E2B's do"
    )


class StorageSettings(Group):
    """Where files are kept: a folder of the data directory, or a bucket. Every process sees the same one."""

    model_config = _group("STORAGE_")

    url: str | None = Field(
        None, description="s3://bucket/prefix, gs://bucket/prefix, az://account/container/prefix or file:///folder"
    )
    options: dict[str, SecretStr] = Field(
        default_factory=dict,
        description='JSON of the store\'s options: {"endpoint": …, "region": …, "access_key_id": …, "secret_access_key": …}',
    )
    timeout_seconds: float = Field(30, gt=0, description="one request, at most")
    retry_seconds: float = Field(5, ge=0, description="how long one call is tried again before it fails")
    min_free_bytes: int = Field(64_000_000, ge=0, description="a folder with less room than this is full")
    retention_days: int = Field(30, ge=1, description="files of runs are deleted after this")
    link_seconds: int = Field(900, ge=30, le=7 * 24 * 3600, description="how long a signed link opens")


class FileSettings(Group):
    """Files that users bring for their chats; kept where `STORAGE_URL` says."""

    model_config = _group("FILES_")

    max_bytes: int = Field(25_000_000, ge=1, le=500_000_000, description="of one file")
    per_user: int = Field(500, ge=1, description="at once")
    staged_hours: float = Field(24, gt=0, description="how long one is kept that is attached to nothing")
    kept_days: float = Field(30, gt=0, description="how long one is kept after it was last attached to a message")
    text_bytes: int = Field(100_000, ge=1, description="of a text file that a model is given, at most")
    image_bytes: int = Field(5_000_000, ge=1, description="of a picture that a model is given, at most")


class SpeechSettings(Group):
    """Text to speech. `auto` is edge where it can be reached, else the embedded voice."""

    model_config = _group("SPEECH_")

    provider: Literal["auto", "edge", "embedded", "openai"] = "auto"
    edge_url: str = Field(
        "wss://speech.platform.bing.com/consumer/speech/synthesize/readaloud",
        description="its websocket and voice list",
    )
    openai_url: str = "https://api.openai.com/v1"
    openai_api_key: SecretStr | None = Field(None, description="default: OPENAI_API_KEY")
    openai_model: str = "gpt-4o-mini-tts"
    timeout_seconds: float = Field(60, gt=0, description="one stretch of speech, at most")
    concurrency: int = Field(8, ge=1, le=64, description="stretches of one run spoken at once")
    price: float = Field(0, ge=0, description="US dollars a million characters")


# Lengths of vectors that there are indexes for: `db/tables/rag.py` and its migration.
DIMENSIONS = (256, 384, 512, 768, 1024, 1536, 2048, 3072)


class EmbeddingSettings(Group):
    """What finds documents by their meaning. `auto` is the embedded model where it is installed; without any, their words alone do."""

    model_config = _group("EMBEDDING_")

    provider: Literal["auto", "embedded", "openai", "none"] = "auto"
    url: str | None = Field(None, description="an OpenAI-compatible server's; default OPENAI_BASE_URL, else OpenAI's")
    api_key: SecretStr | None = Field(None, description="default: OPENAI_API_KEY")
    model: str = Field("text-embedding-3-small", min_length=1, max_length=128)
    dimensions: int | None = Field(
        None, description=f"asked of the server; default its own. One of {', '.join(map(str, DIMENSIONS))}"
    )
    timeout_seconds: float = Field(30, gt=0, le=300, description="one request, at most")

    @model_validator(mode="after")
    def _has_an_index(self) -> Self:
        if self.dimensions is not None and self.dimensions not in DIMENSIONS:
            raise ValueError(f"EMBEDDING_DIMENSIONS: one of {', '.join(map(str, DIMENSIONS))}")
        return self


class RagSettings(Group):
    """Documents that agents retrieve from: what one may be, and how it is read and cut."""

    model_config = _group("RAG_")

    per_user: int = Field(1000, ge=1, description="resources of one user, at most")
    max_file_bytes: int = Field(25_000_000, ge=1_000, description="of an upload, or of what a URL leads to")
    max_pages: int = Field(3000, ge=1, description="of one document")
    max_characters: int = Field(5_000_000, ge=1_000, description="of one document's text")
    max_unpacked_bytes: int = Field(200_000_000, ge=1_000, description="of what a DOCX, PPTX or XLSX unpacks to")
    parse_seconds: float = Field(120, gt=0, le=600, description="that reading one document may take")
    parse_memory_bytes: int = Field(1_500_000_000, ge=200_000_000, description="that reading one document may take")
    passage_tokens: int = Field(
        200, ge=32, le=2000, description="of one passage, at most; the embedded model reads 256"
    )
    passage_overlap: int = Field(30, ge=0, le=200, description="tokens that a passage has of the one before it")

    @model_validator(mode="after")
    def _overlap_is_less(self) -> Self:
        if self.passage_overlap * 2 > self.passage_tokens:
            raise ValueError("RAG_PASSAGE_OVERLAP: at most half of RAG_PASSAGE_TOKENS")
        return self


class CreditSettings(Group):
    """What use costs. It is recorded always; with `CREDITS_ENABLED` runs are paid for in advance, and refused without credits."""

    model_config = _group("CREDITS_")

    enabled: bool = Field(default=False, description="users pay for their runs with credits that administrators grant")
    per_usd: float = Field(100, gt=0, description="credits of one US dollar, by the prices of models, speech and tools")
    initial: float = Field(0, ge=0, le=1e9, description="what each user has before anything is granted")
    reserve: float = Field(1, gt=0, le=1e9, description="set aside when a run starts, and each time it needs more")
    expected_output_tokens: int = Field(
        1_000,
        ge=1,
        description="of a model call, for which credits are set aside before it; its model's own limit if less",
    )
    tool_prices: dict[str, float] = Field(
        default_factory=dict, description='JSON of US dollars a call: {"web_search": 0.008}'
    )

    @model_validator(mode="after")
    def _prices_are_positive(self) -> Self:
        if bad := sorted(name for name, price in self.tool_prices.items() if not 0 <= price < 1e6):  # noqa: PLR2004
            raise ValueError(f"CREDITS_TOOL_PRICES: the price of {', '.join(bad)} is not a number from 0")
        return self


class StackSettings(Group):
    """The embedded servers; used by `agents-backend up` and the tests alone."""

    model_config = _group("STACK_")

    postgres_port: int = Field(0, ge=0, le=65535, description="0: a free one, remembered in the data folder")
    redis_port: int = Field(0, ge=0, le=65535)
    temporal_port: int = Field(7233, ge=0, le=65535)
    temporal_ui_port: int = Field(8233, ge=0, le=65535)
    model_port: int = Field(0, ge=0, le=65535)
    sandbox_host_port: int = Field(0, ge=0, le=65535)
    embedded_sandboxes: bool = Field(default=True, description="start the embedded sandbox host without E2B_API_KEY")
    embedded_model: bool = Field(default=True, description="start the small model when no other is configured")


class RetentionSettings(Group):
    """How long the logs of the administration are kept; an hourly schedule forgets what is older."""

    model_config = _group("RETENTION_")

    login_log_days: int = Field(180, ge=1)
    opera_log_days: int = Field(365, ge=1)
    ended_session_days: int = Field(30, ge=1, description="sessions that were revoked or have expired")


class TelemetrySettings(Group):
    model_config = _group("OTEL_")

    exporter_otlp_endpoint: str | None = Field(None, description="OTLP over HTTP; without it no traces leave")
    exporter_otlp_headers: SecretStr | None = Field(None, description="name=value, comma-separated, of the endpoint")
    service_name: str = "agents-backend"

    def export_headers(self) -> dict[str, str]:
        given = self.exporter_otlp_headers.get_secret_value() if self.exporter_otlp_headers else ""
        pairs = (part.partition("=") for part in given.split(",") if "=" in part)
        return {name.strip(): value.strip() for name, _, value in pairs}


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
        problems = [f"{name} is not set" for name in self.missing()]
        if self.admin_password is None:
            problems.append("ADMIN_PASSWORD is not set")
        elif (
            self.admin_password.get_secret_value().lower() in _WEAK
            or len(self.admin_password.get_secret_value()) < _MIN_PASSWORD
        ):
            problems.append(f"ADMIN_PASSWORD is a well-known one or shorter than {_MIN_PASSWORD} characters")
        if self.auth.secret and len(set(self.auth.secret.get_secret_value())) < _MIN_DISTINCT:
            problems.append("AUTH_SECRET is not random")
        if any(len(set(key)) < _MIN_DISTINCT for key in self.vault.listed()):
            problems.append("VAULT_KEYS is not random")
        if self.agents.fetch_allow_loopback:
            problems.append("AGENT_FETCH_ALLOW_LOOPBACK is for tests")
        if self.oauth2.offered and not (self.api.public_url or "").startswith("https://"):
            problems.append("API_PUBLIC_URL is not set to an https:// address, which sign-in with OAuth2 needs")
        return tuple(problems)

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
        """The models of MODEL_LIST, then one for each vendor whose key is set."""
        v = self.vendors
        found = list(self.models.list)
        if v.openai_api_key or v.openai_base_url:
            found.append(
                ModelConfig(
                    name="openai",
                    provider="openai",
                    model=v.openai_model,
                    api_key=v.openai_api_key,
                    base_url=v.openai_base_url,
                    vision=v.openai_base_url is None,  # who has another server says it in MODEL_LIST
                )
            )
        if v.anthropic_api_key:
            found.append(
                ModelConfig(
                    name="anthropic",
                    provider="anthropic",
                    model=v.anthropic_model,
                    api_key=v.anthropic_api_key,
                    base_url=v.anthropic_base_url,
                    vision=True,
                    context_window=200_000,
                )
            )
        if v.google_api_key:
            found.append(
                ModelConfig(
                    name="google",
                    provider="google_genai",
                    model=v.google_model,
                    api_key=v.google_api_key,
                    base_url=v.google_base_url,
                    vision=True,
                    context_window=1_000_000,
                )
            )
        if not found and self.models.embedded_url:
            found.append(
                ModelConfig(
                    name=EMBEDDED,
                    model="SmolLM2-135M-Instruct",
                    api_key=self.models.embedded_key,
                    base_url=self.models.embedded_url,
                    context_window=4_096,
                    max_output_tokens=512,
                    temperature=0.2,
                    tools=False,
                )
            )
        return tuple({model.name: model for model in reversed(found)}.values())[::-1]


_WEAK = frozenset(
    {"admin", "password", "password123", "123456", "12345678", "123456789012", "changeme", "change-me-now"}
)
_MIN_PASSWORD = 12
_MIN_DISTINCT = 8


@cache
def load() -> Settings:
    """Read the settings of this process once.

    Raises:
        pydantic.ValidationError: a value is not of its type; the message names the field.
    """
    return Settings()
