"""What the refreshing of a user's tokens asks of its activity; the tokens stay in PostgreSQL."""

from datetime import datetime

from agents_backend.contracts.turns import Frozen


class ClaudeCodeRef(Frozen):
    """Whose Claude Code."""

    user_id: int


class NextRefresh(Frozen):
    """When the tokens are to be looked at again; None: never, for they are gone or no longer good."""

    at: datetime | None = None
