"""The services of MCP servers and coding agents, put together; the API and the workers both need them."""

import ssl
from dataclasses import dataclass

from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy
from agents_backend.integrations.claude_oauth import ClaudeOAuth
from agents_backend.integrations.mcp import McpClients
from agents_backend.services.claude_code import ClaudeCode
from agents_backend.services.coding_agents import CodingAgents
from agents_backend.services.mcp_listings import McpListings
from agents_backend.services.mcp_servers import McpServers
from agents_backend.services.run_mcp import RunMcp
from agents_backend.services.vault import Vault
from agents_backend.settings import Settings


@dataclass(frozen=True)
class McpParts:
    listings: McpListings
    servers: McpServers
    agents: CodingAgents
    of_runs: RunMcp


def mcp_parts(*, database: Database, temporal: Client, settings: Settings, trust: ssl.SSLContext) -> McpParts:
    policy, vault = Policy(allow_loopback=settings.agents.fetch_allow_loopback), Vault(settings.vault)
    listings = McpListings(database=database, vault=vault, clients=McpClients(policy=policy, trust=trust))
    servers = McpServers(database=database, vault=vault, listings=listings)
    claude = claude_code(database=database, temporal=temporal, settings=settings)
    return McpParts(
        listings=listings,
        servers=servers,
        agents=CodingAgents(database=database, vault=vault, servers=servers, claude_code=claude),
        of_runs=RunMcp(vault=vault, policy=policy),
    )


def claude_code(*, database: Database, temporal: Client, settings: Settings) -> ClaudeCode:
    return ClaudeCode(
        database=database,
        vault=Vault(settings.vault),
        oauth=ClaudeOAuth(settings.claude_code),
        temporal=temporal,
        early_seconds=settings.claude_code.refresh_early_seconds,
    )
