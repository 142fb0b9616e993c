"""The credentials of a user's coding agents, as the files that Codex and Claude Code read in a sandbox."""

import json
from dataclasses import dataclass
from typing import Any, Final

from agents_backend.db.base import Database
from agents_backend.db.coding_agents import CodingAgentRepository
from agents_backend.integrations.claude_oauth import loaded
from agents_backend.services.coding_agents import CODEX
from agents_backend.services.vault import Vault

HOME: Final = "/home/user"
_PRIVATE: Final = 0o600


@dataclass(frozen=True)
class SandboxFile:
    """A file to be placed in a sandbox, readable by its user alone (`mode`)."""

    path: str
    content: str
    mode: int = _PRIVATE


class CredentialFiles:
    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def of(self, user_id: int) -> list[SandboxFile]:
        """What belongs into each sandbox of a user now: the credentials of the coding agents that are on.

        Write them when a sandbox is made and when it is resumed, for tokens change every few hours; a file that is no longer
        among them (its agent is off, removed, or to be signed in anew) is to go. They are secrets: they belong into no history,
        no log and no row.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        async with self._database.reading() as session:
            rows = await CodingAgentRepository(session).of(user_id)
        found: list[SandboxFile] = []
        for row in rows:
            if row.is_active and row.error is None:
                secret = self._vault.open(row, "secret")
                found += _codex(secret, row.options) if row.tool_type == CODEX else _claude_code(secret)
        return found


def _codex(secret: dict[str, Any], options: dict[str, Any]) -> list[SandboxFile]:
    """Codex's own files. JSON's strings are TOML's basic strings too."""
    config = [
        f"model = {json.dumps(options['model'])}",
        f"model_reasoning_effort = {json.dumps(options['model_reasoning_effort'])}",
        "",
        "[tools]",
        f"web_search = {json.dumps(options['search'])}",
        "",
    ]
    return [
        SandboxFile(f"{HOME}/.codex/auth.json", json.dumps({"OPENAI_API_KEY": secret["api_key"]})),
        SandboxFile(f"{HOME}/.codex/config.toml", "\n".join(config)),
    ]


def _claude_code(secret: dict[str, Any]) -> list[SandboxFile]:
    tokens = loaded(secret)
    held = {
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        "expiresAt": int(tokens.expires_at.timestamp() * 1000),
        "scopes": list(tokens.scopes),
    }
    return [SandboxFile(f"{HOME}/.claude/.credentials.json", json.dumps({"claudeAiOauth": held}))]
