"""The MCP servers that a chat's body names: its run's alone, encrypted beside it, forgotten when it has ended."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents_backend.db.mcp import McpServerRepository
from agents_backend.db.tables.mcp import McpServer
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import AddressRefused, Invalid
from agents_backend.domain.mcp import ServerConfig
from agents_backend.integrations.addresses import Policy, check_url
from agents_backend.services.mcp_tools import CHOICES
from agents_backend.services.vault import Vault


@dataclass(frozen=True)
class McpWishes:
    """What a request wants of MCP servers.

    Attributes:
        own: servers that it brings, by name.
        choices: what it wants of them and of the known ones: `{name: {"enabled": …, "enabled_tools": …}}`.
    """

    own: Mapping[str, ServerConfig] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digested(self) -> list[Any]:
        """What of it makes two requests with one Idempotency-Key the same."""
        own = {name: config.model_dump(mode="json") for name, config in self.own.items()}
        return [own, dict(self.choices)] if self.choices else []


class RunMcp:
    def __init__(self, *, vault: Vault, policy: Policy) -> None:
        self._vault, self._policy = vault, policy

    def check(self, wishes: McpWishes) -> None:
        """Refuse what can be refused without asking anybody.

        Raises:
            AddressRefused: an address is none that we connect to; names the field.
        """
        for name, config in wishes.own.items():
            if config.transport == "stdio":
                continue
            try:
                check_url(config.url, self._policy)
            except AddressRefused as error:
                loc = ["body", "mcp_settings", "servers", name, "url"]
                problem = {"loc": loc, "msg": error.detail, "type": "value_error"}
                raise AddressRefused(f"{name}: {error.detail}", errors=[problem]) from None

    async def keep(self, rows: McpServerRepository, run: Run, wishes: McpWishes) -> None:
        """Write them beside the run, in the transaction that accepts it.

        Raises:
            Invalid: it chooses a server that nobody knows.
        """
        known = {server.name for server in await rows.usable(run.id, run.user_id)} if wishes.choices else set()
        for name in wishes.choices:
            if name not in known and name not in wishes.own:
                raise Invalid.field("mcp_settings", f"there is no MCP server named {name}; give its url")
        for name, config in wishes.own.items():
            server = McpServer(id=uuid.uuid4(), run_id=run.id, name=name)
            self._vault.seal(server, "config", config.model_dump(mode="json"))
            await rows.add(server)
        if wishes.choices:
            run.options = {**run.options, CHOICES: dict(wishes.choices)}
