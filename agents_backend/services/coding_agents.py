"""A user's own settings: Codex, Claude Code, and MCP servers of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from agents_backend.db.base import Database
from agents_backend.db.coding_agents import CodingAgentRepository
from agents_backend.db.tables.mcp import CodingAgent
from agents_backend.domain.errors import NotFound
from agents_backend.domain.mcp import CLAUDE_CODE, CODEX, mask
from agents_backend.services.claude_code import ClaudeCode
from agents_backend.services.idempotency import claim
from agents_backend.services.mcp_servers import NO_SERVER, KnownServer, McpServers
from agents_backend.services.vault import Vault

TOOL_TYPES: Final = (CODEX, CLAUDE_CODE)


@dataclass(frozen=True)
class NewCodex:
    api_key: str
    model: str
    model_reasoning_effort: str
    search: bool


@dataclass(frozen=True)
class KnownAgent:
    """A coding agent as its user sees it.

    Attributes:
        secret: masked.
        error: why it no longer works, if so.
    """

    tool_type: str
    is_active: bool
    secret: str
    options: dict[str, Any]
    expires_at: datetime | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class CodingAgents:
    def __init__(self, *, database: Database, vault: Vault, servers: McpServers, claude_code: ClaudeCode) -> None:
        self._database, self._vault, self._servers, self._claude_code = database, vault, servers, claude_code

    async def list(self, user_id: int, *, page: int, size: int) -> tuple[Sequence[KnownAgent | KnownServer], int]:
        """All of a user's settings, coding agents first, and how many there are."""
        async with self._database.autocommit() as session:
            agents = [self._known(row) for row in await CodingAgentRepository(session).of(user_id)]
        offset = (page - 1) * size
        shown = agents[offset : offset + size]
        skipped = max(offset - len(agents), 0)
        servers, total = await self._servers.slice(user_id, offset=skipped, limit=size - len(shown))
        return [*shown, *servers], len(agents) + total

    async def get(self, user_id: int, tool_type: str) -> KnownAgent:
        """Codex or Claude Code.

        Raises:
            NotFound: the user has not set it.
        """
        async with self._database.autocommit() as session:
            return self._known(_there(await CodingAgentRepository(session).get(user_id, tool_type)))

    async def set_codex(self, user_id: int, new: NewCodex, key: str | None) -> tuple[KnownAgent, bool]:
        """Set Codex, or change it; a key that is written back masked stays. Also whether it is new.

        Raises:
            IdempotencyMismatch: the Idempotency-Key was used for another body.
        """
        options = {"model": new.model, "model_reasoning_effort": new.model_reasoning_effort, "search": new.search}
        async with self._database.transaction() as session:
            await claim(session, user_id, key, operation="set_codex", body=[new.api_key, options], wanted=CODEX)
            rows = CodingAgentRepository(session)
            row, is_new = await rows.prepared(user_id, CODEX)
            stored = None if is_new else self._vault.open(row, "secret")["api_key"]
            secret = stored if stored is not None and new.api_key == mask(stored) else new.api_key
            self._vault.seal(row, "secret", {"api_key": secret})
            row.options = options
            await rows.add(row)
        return self._known(row), is_new

    def begin_claude_code(self) -> tuple[str, str]:
        """See `ClaudeCode.begin`."""
        return self._claude_code.begin()

    async def set_claude_code(self, user_id: int, pasted: str, key: str | None) -> tuple[KnownAgent, bool]:
        """See `ClaudeCode.sign_in`."""
        row, is_new = await self._claude_code.sign_in(user_id, pasted, key)
        return self._known(row), is_new

    async def remove(self, user_id: int, tool_type: str) -> None:
        """Forget a setting with its secrets.

        Raises:
            NotFound: the user has none of this name.
        """
        if tool_type not in TOOL_TYPES:
            await self._servers.remove(user_id, tool_type)
            return
        async with self._database.transaction() as session:
            if not await CodingAgentRepository(session).remove(user_id, tool_type):
                raise NotFound(NO_SERVER)
        if tool_type == CLAUDE_CODE:
            await self._claude_code.wake(user_id)

    async def set_active(self, user_id: int, tool_type: str, *, wanted: bool | None) -> KnownAgent | KnownServer:
        """Turn one on or off, and no other; without a wish, the other way round.

        Raises:
            NotFound: the user has none of this name.
        """
        if tool_type not in TOOL_TYPES:
            return await self._servers.set_active(user_id, tool_type, wanted=wanted)
        async with self._database.transaction() as session:
            rows = CodingAgentRepository(session)
            row = _there(await rows.get(user_id, tool_type, lock=True))
            row.is_active = not row.is_active if wanted is None else wanted
            await rows.add(row)
        return self._known(row)

    def _known(self, row: CodingAgent) -> KnownAgent:
        secret = self._vault.open(row, "secret")
        shown = secret["api_key"] if row.tool_type == CODEX else secret["access_token"]
        return KnownAgent(
            tool_type=row.tool_type,
            is_active=row.is_active,
            secret=mask(shown),
            options=row.options,
            expires_at=row.expires_at,
            error=row.error,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


def _there(row: CodingAgent | None) -> CodingAgent:
    if row is None:
        raise NotFound(NO_SERVER)
    return row
