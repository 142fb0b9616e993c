"""The services of MCP servers and coding agents, put together."""

import ssl
from dataclasses import dataclass

from redis.asyncio import Redis
from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy
from agents_backend.integrations.claude_oauth import ClaudeOAuth
from agents_backend.integrations.mcp import McpClients
from agents_backend.integrations.mcp_consents import Consents
from agents_backend.services.claude_code import ClaudeCode
from agents_backend.services.coding_agents import CodingAgents
from agents_backend.services.mcp_consents import McpConsents
from agents_backend.services.mcp_listings import McpListings
from agents_backend.services.mcp_servers import McpServers
from agents_backend.services.run_mcp import RunMcp
from agents_backend.services.run_programs import RunPrograms
from agents_backend.services.vault import Vault
from agents_backend.settings import Settings


@dataclass(frozen=True)
class McpParts:
    """What the API needs."""

    servers: McpServers
    consents: McpConsents
    agents: CodingAgents
    of_runs: RunMcp


def mcp_parts(
    *, database: Database, redis: Redis, temporal: Client, settings: Settings, trust: ssl.SSLContext
) -> McpParts:
    vault, listings = Vault(settings.vault), mcp_listings(database=database, settings=settings, trust=trust)
    consents = McpConsents(
        database=database,
        listings=listings,
        consents=Consents(redis, settings.oauth2.flow_seconds),
        base_url=settings.api.base_url,
    )
    servers = McpServers(database=database, vault=vault, listings=listings, consents=consents)
    claude = claude_code(database=database, temporal=temporal, settings=settings)
    return McpParts(
        servers=servers,
        consents=consents,
        agents=CodingAgents(database=database, vault=vault, servers=servers, claude_code=claude),
        of_runs=run_mcp(settings),
    )


def mcp_listings(
    *, database: Database, settings: Settings, trust: ssl.SSLContext, programs: RunPrograms | None = None
) -> McpListings:
    clients = McpClients(policy=_policy(settings), trust=trust)
    return McpListings(database=database, vault=Vault(settings.vault), clients=clients, programs=programs)


def run_mcp(settings: Settings) -> RunMcp:
    return RunMcp(vault=Vault(settings.vault), policy=_policy(settings))


def claude_code(*, database: Database, temporal: Client, settings: Settings) -> ClaudeCode:
    return ClaudeCode(
        database=database,
        vault=Vault(settings.vault),
        oauth=ClaudeOAuth(settings.claude_code),
        temporal=temporal,
        early_seconds=settings.claude_code.refresh_early_seconds,
    )


def _policy(settings: Settings) -> Policy:
    return Policy(allow_loopback=settings.agents.fetch_allow_loopback)
