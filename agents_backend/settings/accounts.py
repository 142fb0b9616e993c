"""Who signs in, how, and how long what they did is remembered; the keys of what is encrypted."""

import re
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from agents_backend.settings.group import Group, prefixed


class AuthSettings(Group):
    model_config = prefixed("AUTH_")

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


_KEY = re.compile(r"[0-9a-f]{64}")


class VaultSettings(Group):
    """The keys of what is encrypted at rest: secrets in PostgreSQL, payloads in Temporal. AES-256-GCM; see docs/deploy.md on rotation."""

    model_config = prefixed("VAULT_")

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

    model_config = prefixed("OAUTH2_")

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


class RetentionSettings(Group):
    """How long the logs of the administration are kept; an hourly schedule forgets what is older."""

    model_config = prefixed("RETENTION_")

    login_log_days: int = Field(180, ge=1)
    opera_log_days: int = Field(365, ge=1)
    ended_session_days: int = Field(30, ge=1, description="sessions that were revoked or have expired")
