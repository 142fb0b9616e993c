"""What every group of settings is: frozen values of the environment and the secrets' folder, under one prefix."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _secrets_dir() -> Path | None:
    path = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
    return path if path.is_dir() else None


class Group(BaseSettings):
    """A group of settings that share a prefix."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", secrets_dir=_secrets_dir(), env_ignore_empty=True)


def prefixed(prefix: str) -> SettingsConfigDict:
    """The configuration of a group whose variables begin with that."""
    return SettingsConfigDict(
        frozen=True, extra="ignore", secrets_dir=_secrets_dir(), env_prefix=prefix, env_ignore_empty=True
    )


def _parts(given: object) -> object:
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


# Comma-separated in the environment.
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]
