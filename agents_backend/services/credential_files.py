"""The credentials of a user's coding agents, as the files that Codex and Claude Code read in a sandbox."""

import json
from dataclasses import dataclass
from typing import Any, Final

import structlog

from agents_backend.db.base import Database
from agents_backend.db.coding_agents import CodingAgentRepository
from agents_backend.domain.errors import AgentsError
from agents_backend.domain.mcp import CODEX
from agents_backend.integrations.claude_oauth import loaded
from agents_backend.integrations.private_files import write_private
from agents_backend.integrations.sandboxes import Boxes
from agents_backend.services.vault import Vault

HOME: Final = "/home/user"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SandboxFile:
    """A file of a sandbox; without content it is not to be there."""

    path: str
    content: str | None


class CredentialFiles:
    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def of(self, user_id: int) -> list[SandboxFile]:
        """What belongs into each sandbox of a user now: the credentials of the coding agents that are on.

        They are secrets: they belong into no history, no log and no row. An agent that is off, or has to be signed in to anew, has
        files without content; one that was never set has none, for its user may have signed in to it within the sandbox.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        async with self._database.autocommit() as session:
            rows = await CodingAgentRepository(session).of(user_id)
        found: list[SandboxFile] = []
        for row in rows:
            secret = self._vault.open(row, "secret")
            files = _codex(secret, row.options) if row.tool_type == CODEX else _claude_code(secret)
            is_good = row.is_active and row.error is None
            found += [file if is_good else SandboxFile(file.path, None) for file in files]
        return found


class CredentialMirror:
    """Brings them into a sandbox when it is made and when it is resumed; tokens change every few hours."""

    def __init__(self, *, files: CredentialFiles, boxes: Boxes) -> None:
        self._files, self._boxes = files, boxes

    async def bring(self, user_id: int, box_id: str, *, seconds: int) -> bool:
        """Write and remove; False when that could not be, and is left for the next time."""
        try:
            for file in await self._files.of(user_id):
                if file.content is None:
                    await self._boxes.remove(box_id, file.path, seconds=seconds)
                else:
                    await write_private(self._boxes, box_id, file.path, file.content, seconds=seconds)
        except AgentsError as error:
            _log.warning("credentials_not_placed", user_id=user_id, code=error.code)
            return False
        return True


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
