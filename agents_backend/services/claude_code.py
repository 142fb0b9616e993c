"""Signing in to Claude Code, and keeping its tokens fresh: a workflow a user sleeps until shortly before they expire."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.contracts.coding_agents import ClaudeCodeRef
from agents_backend.db.base import Database, now
from agents_backend.db.coding_agents import CodingAgentRepository
from agents_backend.db.tables.mcp import CodingAgent
from agents_backend.domain.errors import IdempotencyGone, Invalid, UpstreamRejected
from agents_backend.domain.mcp import CLAUDE_CODE
from agents_backend.integrations.claude_oauth import ClaudeOAuth, ClaudeTokens, dumped, loaded
from agents_backend.services.idempotency import claim, release
from agents_backend.services.launches import RPC
from agents_backend.services.vault import Vault

AT_ONCE: Final = 100
_log = structlog.get_logger(__name__)


class ClaudeCode:
    def __init__(
        self, *, database: Database, vault: Vault, oauth: ClaudeOAuth, temporal: Client, early_seconds: float
    ) -> None:
        self._database, self._vault, self._oauth, self._temporal = database, vault, oauth, temporal
        self._early = timedelta(seconds=early_seconds)

    def begin(self) -> tuple[str, str]:
        """Where the user consents, and the verifier that stands behind the `#` of what they paste."""
        return self._oauth.begin()

    async def sign_in(self, user_id: int, pasted: str, key: str | None) -> tuple[CodingAgent, bool]:
        """Exchange what the user pasted, `code#verifier`, for tokens, and keep them; also whether it is the first time.

        Raises:
            Invalid: it is no such text, or Anthropic does not take it. IdempotencyMismatch: the key was used for another.
            IdempotencyGone: what it made then was deleted since.
            UpstreamFailed, UpstreamOverloaded, UpstreamTimeout: Anthropic fails.
        """
        code, _, verifier = pasted.partition("#")
        if not (code and verifier):
            raise Invalid.field("authorization_code", "paste the whole of what the page shows: code#verifier")
        async with self._database.transaction() as session:
            wanted = now().isoformat()
            operation = {"operation": "set_claude_code", "body": pasted, "wanted": wanted}
            if await claim(session, user_id, key, **operation) != wanted:
                found = await CodingAgentRepository(session).get(user_id, CLAUDE_CODE)
                if found is None:
                    raise IdempotencyGone
                return found, False
        try:
            tokens = await self._oauth.exchange(code, verifier)
        except BaseException:
            async with self._database.transaction() as session:
                await release(session, user_id, key)
            raise
        kept, is_new = await self._keep(user_id, tokens)
        await self.wake(user_id)
        return kept, is_new

    async def _keep(self, user_id: int, tokens: ClaudeTokens) -> tuple[CodingAgent, bool]:
        async with self._database.transaction() as session:
            rows = CodingAgentRepository(session)
            row, is_new = await rows.prepared(user_id, CLAUDE_CODE)
            self._fill(row, tokens)
            await rows.add(row)
        return row, is_new

    def _fill(self, row: CodingAgent, tokens: ClaudeTokens) -> None:
        self._vault.seal(row, "secret", dumped(tokens))
        row.options, row.expires_at, row.error = {"scopes": list(tokens.scopes)}, tokens.expires_at, None

    async def refresh(self, user_id: int) -> datetime | None:
        """Refresh tokens that expire soon. Gives when to look again; None when they are gone, or only a new sign-in helps.

        Raises:
            UpstreamFailed, UpstreamOverloaded, UpstreamTimeout: Anthropic fails; it is tried again. Unavailable: PostgreSQL is away.
        """
        async with self._database.transaction() as session:
            # The row is held meanwhile: a refresh token works once.
            row = await CodingAgentRepository(session).get(user_id, CLAUDE_CODE, lock=True)
            if row is None or row.error is not None or row.expires_at is None:
                return None
            if row.expires_at - self._early > now():
                return row.expires_at - self._early
            tokens = loaded(self._vault.open(row, "secret"))
            try:
                fresh = await self._oauth.refresh(tokens)
            except (Invalid, UpstreamRejected) as refused:
                _log.warning("claude_code_sign_in_ended", user_id=user_id, code=refused.code)
                row.error = "The sign-in has ended. Sign in to Claude Code again."
                return None
            self._fill(row, fresh)
        return fresh.expires_at - self._early

    async def wake(self, user_id: int) -> None:
        """Let the workflow look again; it is started where there is none. Where Temporal is away, the sweep does it later."""
        try:
            await self._temporal.start_workflow(
                names.REFRESH_CLAUDE_CODE_WORKFLOW,
                ClaudeCodeRef(user_id=user_id),
                id=f"refresh-claude-code-{user_id}",
                task_queue=queues.BACKGROUND,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=names.CLAUDE_CODE_CHANGED_SIGNAL,
                rpc_timeout=RPC,
            )
        except (RPCError, RuntimeError) as error:
            _log.warning("claude_code_not_woken", user_id=user_id, error=type(error).__name__)

    async def sweep(self) -> int:
        """Wake the workflows of tokens that are due; one that lives is not harmed. Gives how many there are."""
        async with self._database.autocommit() as session:
            found = await CodingAgentRepository(session).due(CLAUDE_CODE, now() + self._early, limit=AT_ONCE)
        for user_id in found:
            await self.wake(user_id)
        return len(found)
