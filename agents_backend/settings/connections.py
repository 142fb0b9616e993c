"""The servers that the product stands on: PostgreSQL, Redis, Temporal."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from agents_backend.settings.group import Group, prefixed


class DatabaseSettings(Group):
    """PostgreSQL 15 or later. Without a URL, `agents-backend up` starts an embedded one."""

    model_config = prefixed("DATABASE_")

    url: SecretStr | None = Field(None, description="postgresql://user:password@host:port/name")
    pool_size: int = Field(20, ge=1, le=200, description="connections of one process that are kept")
    pool_overflow: int = Field(
        0, ge=0, le=200, description="more of them at a peak; each is opened for one use, which costs more than to wait"
    )
    statement_timeout_seconds: float = Field(30, gt=0)


class RedisSettings(Group):
    """Redis 7 or Valkey 8 and later."""

    model_config = prefixed("REDIS_")

    url: SecretStr | None = Field(None, description="redis://:password@host:port/0")
    pool_size: int = Field(32, ge=2, le=1000, description="connections of one process, at most")
    timeout_seconds: float = Field(5, gt=0)


class TemporalSettings(Group):
    model_config = prefixed("TEMPORAL_")

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
