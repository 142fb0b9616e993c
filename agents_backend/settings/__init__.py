"""Settings: frozen, nested, typed, read once by each composition root (api, worker, cli) and handed down.

Every value is an environment variable named by its group's prefix and its field (`DATABASE_URL`), or a file of that
name, lower case, in `SECRETS_DIR` (default `/run/secrets`: Docker's and Kubernetes' secrets). Nothing else reads the environment.

One module a kind of settings; `settings.py` puts them together. May import pydantic and the standard library.
"""

from agents_backend.settings.accounts import AuthSettings, OAuth2Settings, RetentionSettings, VaultSettings
from agents_backend.settings.agents import AgentSettings, CreditSettings, SchedulerSettings
from agents_backend.settings.connections import DatabaseSettings, RedisSettings, TemporalSettings
from agents_backend.settings.group import Group
from agents_backend.settings.knowledge import DIMENSIONS, EmbeddingSettings, RagSettings
from agents_backend.settings.media import FileSettings, SpeechSettings, StorageSettings
from agents_backend.settings.models import EMBEDDED, EMBEDDED_NOTICE, ModelConfig, ModelSettings, VendorSettings
from agents_backend.settings.processes import ApiSettings, StackSettings, TelemetrySettings, WorkerSettings
from agents_backend.settings.sandboxes import ClaudeCodeSettings, E2BSettings, SandboxSettings
from agents_backend.settings.settings import Environment, Settings, load

__all__ = [
    "DIMENSIONS",
    "EMBEDDED",
    "EMBEDDED_NOTICE",
    "AgentSettings",
    "ApiSettings",
    "AuthSettings",
    "ClaudeCodeSettings",
    "CreditSettings",
    "DatabaseSettings",
    "E2BSettings",
    "EmbeddingSettings",
    "Environment",
    "FileSettings",
    "Group",
    "ModelConfig",
    "ModelSettings",
    "OAuth2Settings",
    "RagSettings",
    "RedisSettings",
    "RetentionSettings",
    "SandboxSettings",
    "SchedulerSettings",
    "Settings",
    "SpeechSettings",
    "StackSettings",
    "StorageSettings",
    "TelemetrySettings",
    "TemporalSettings",
    "VaultSettings",
    "VendorSettings",
    "WorkerSettings",
    "load",
]
