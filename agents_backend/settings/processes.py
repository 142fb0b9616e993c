"""The processes themselves: the API, the workers, what they tell of themselves, and the servers that `agents-backend up` starts."""

from pydantic import Field, SecretStr

from agents_backend.settings.group import Group, Listed, prefixed


class ApiSettings(Group):
    model_config = prefixed("API_")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    public_url: str | None = Field(None, description="how browsers reach the API; default http://host:port")
    cors_origins: Listed = ()
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="beyond it a request is answered with 413")
    streams_per_user: int = Field(1200, ge=1, description="open at once")
    runs_per_user: int = Field(200, ge=1, description="active at once")
    trusted_proxies: Listed = Field((), description="addresses whose X-Forwarded-For is believed")

    @property
    def base_url(self) -> str:
        """How browsers reach the API, without a slash at its end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def codec_url(self) -> str:
        """The codec server, as the Temporal UI and CLI want to be told it."""
        return f"{self.base_url}/api/v1/admin/auth/payloads"


class WorkerSettings(Group):
    model_config = prefixed("WORKER_")

    metrics_host: str = Field("127.0.0.1", description="where the metrics and the health of a worker are told")
    metrics_port: int = Field(0, ge=0, le=65535, description="Prometheus port of a worker process; 0: none")
    max_concurrent_activities: int = Field(200, ge=1, description="on each queue of one process")
    max_concurrent_workflow_tasks: int = Field(100, ge=2)
    graceful_shutdown_seconds: float = Field(10, ge=0, description="for activities to end when it stops")


class StackSettings(Group):
    """The embedded servers; used by `agents-backend up` and the tests alone."""

    model_config = prefixed("STACK_")

    postgres_port: int = Field(0, ge=0, le=65535, description="0: a free one, remembered in the data folder")
    redis_port: int = Field(0, ge=0, le=65535)
    temporal_port: int = Field(7233, ge=0, le=65535)
    temporal_ui_port: int = Field(8233, ge=0, le=65535)
    model_port: int = Field(0, ge=0, le=65535)
    sandbox_host_port: int = Field(0, ge=0, le=65535)
    embedded_sandboxes: bool = Field(default=True, description="start the embedded sandbox host without E2B_API_KEY")
    embedded_model: bool = Field(default=True, description="start the small model when no other is configured")


class TelemetrySettings(Group):
    model_config = prefixed("OTEL_")

    exporter_otlp_endpoint: str | None = Field(None, description="OTLP over HTTP; without it no traces leave")
    exporter_otlp_headers: SecretStr | None = Field(None, description="name=value, comma-separated, of the endpoint")
    service_name: str = "agents-backend"

    def export_headers(self) -> dict[str, str]:
        given = self.exporter_otlp_headers.get_secret_value() if self.exporter_otlp_headers else ""
        pairs = (part.partition("=") for part in given.split(",") if "=" in part)
        return {name.strip(): value.strip() for name, _, value in pairs}
