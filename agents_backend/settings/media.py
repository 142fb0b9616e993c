"""Files that are kept, those that users bring, and speech."""

from typing import Literal

from pydantic import Field, SecretStr

from agents_backend.settings.group import Group, prefixed


class StorageSettings(Group):
    """Where files are kept: a folder of the data directory, or a bucket. Every process sees the same one."""

    model_config = prefixed("STORAGE_")

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

    model_config = prefixed("FILES_")

    max_bytes: int = Field(25_000_000, ge=1, le=500_000_000, description="of one file")
    per_user: int = Field(500, ge=1, description="at once")
    staged_hours: float = Field(24, gt=0, description="how long one is kept that is attached to nothing")
    kept_days: float = Field(30, gt=0, description="how long one is kept after it was last attached to a message")
    text_bytes: int = Field(100_000, ge=1, description="of a text file that a model is given, at most")
    image_bytes: int = Field(5_000_000, ge=1, description="of a picture that a model is given, at most")


class SpeechSettings(Group):
    """Text to speech. `auto` is edge where it can be reached, else the embedded voice."""

    model_config = prefixed("SPEECH_")

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
