"""The secrets of MCP servers and of coding agents, through every way in which a user or an administrator gives one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx

from agents_backend.settings import ClaudeCodeSettings
from tests.api.people import until
from tests.fakes.anthropic_oauth import FakeAnthropicOAuth
from tests.fakes.mcp_server import Consenting, FakeMcp
from tests.streams import chat

SERVERS, SETTINGS = "/agent/mcp/servers", "/agent/user-settings/mcp"


@dataclass(frozen=True)
class Vendors:
    """A server that wants a token, one that wants a person's consent, and Anthropic's token endpoint."""

    guarded: FakeMcp
    consenting: Consenting
    protected: FakeMcp
    anthropic: FakeAnthropicOAuth


@asynccontextmanager
async def vendors() -> AsyncIterator[Vendors]:
    consenting = Consenting()
    async with (
        FakeMcp(token="canary-of-a-server-s-token-61") as guarded,
        FakeMcp(consenting=consenting) as protected,
        FakeAnthropicOAuth() as anthropic,
    ):
        yield Vendors(guarded, consenting, protected, anthropic)


async def servers(client: httpx.AsyncClient, given: Vendors) -> dict[str, str]:
    """Servers of the deployment, of the user and of one run, each used by a chat; one that is refused; what they were told, by name."""
    query = "canary-of-a-server-s-query-62"
    secrets = {"a server's token": given.guarded.token or "", "a server's query": query}
    body = {**given.guarded.body, "url": f"{given.guarded.url}?key={query}"}
    assert (await client.post(SERVERS, json={"name": "shared", **body})).status_code == 201
    assert (await client.post(f"{SETTINGS}/custom", json={"name": "mine", **body})).status_code == 201
    masked = (await client.get(f"{SETTINGS}/mine")).json()["headers"]
    kept = await client.put(f"{SETTINGS}/custom/mine", json={**body, "headers": masked})
    assert kept.status_code == 200, kept.text
    for name in ("shared", "mine", "own"):
        asked = f'[tool:mcp__{name}__echo {{"text": "x"}}]'
        _, events = await chat(client, asked, mcp_settings={"servers": {"own": body}})
        assert [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"] == ["echo: x"]
    return secrets | await refused(client, given) | await consented(client, given)


async def refused(client: httpx.AsyncClient, given: Vendors) -> dict[str, str]:
    """A token that the server does not take, a header that is none, a program where none may run, and one in a sandbox that fails."""
    names = ("wrong token", "wrong header", "refused program", "failing program", "client")
    secrets = {name: f"canary-of-a-{name.replace(' ', '-')}-63" for name in names}
    wrong = {"Authorization": f"Bearer {secrets['wrong token']}"}
    program = {"transport": "stdio", "command": "python3", "env": {"SECRET": secrets["refused program"]}}
    client_of = {"grant": "client_credentials", "client_id": "c", "issuer": f"http://127.0.0.1:{given.guarded.port}"}
    for more in (
        {"url": given.guarded.url, "headers": wrong},
        {"url": given.guarded.url, "headers": {"X-Token": f"{secrets['wrong header']}\n"}},
        {"url": given.guarded.url, "oauth": {**client_of, "client_secret": secrets["client"]}},
        program,
    ):
        for path in (SERVERS, f"{SETTINGS}/custom"):
            answer = await client.post(path, json={"name": "refused", **more})
            assert answer.status_code == 400, answer.text
    own = {**program, "env": {"SECRET": secrets["failing program"]}}
    asked = {"messages": [{"role": "user", "content": "[say=x]"}], "mcp_settings": {"servers": {"own": own}}}
    assert (await client.post("/agent/agent/stream", json=asked)).status_code == 200
    return {f"the secret of a {name}": secret for name, secret in secrets.items()}


async def consented(client: httpx.AsyncClient, given: Vendors) -> dict[str, str]:
    """A person consents; what the authorization server gave: a code, a state, tokens, its client's secret."""
    given.consenting.lifetime = 1  # seconds: the chat that follows refreshes
    made = await client.post(SERVERS, json={"name": "guarded", "url": given.protected.url, "oauth": {}})
    assert made.status_code == 201, made.text
    async with httpx.AsyncClient() as browser:
        returned = urlsplit((await browser.get(made.json()["authorization_url"])).headers["location"])
    ended = await client.get(f"/agent/mcp/oauth/callback?{returned.query}")
    assert ended.json() == {"server": "guarded", "error": None}, ended.text
    await chat(client, '[tool:mcp__guarded__echo {"text": "x"}]')
    assert given.consenting.refreshes
    query = {
        f"a consent's {name}": values[0]
        for name, values in parse_qs(returned.query).items()
        if name in {"code", "state"}
    }
    issued = {f"a server's OAuth token {number}": token for number, token in enumerate(given.consenting.issued)}
    registered = {
        f"a registered client's secret {number}": one.client_secret
        for number, one in enumerate(given.consenting.clients.values())
        if one.client_secret
    }
    assert len(query) + len(issued) >= 2 + 4
    return {**query, **issued, **registered}


async def coding_agents(client: httpx.AsyncClient, given: Vendors) -> dict[str, str]:
    """Codex's key and Claude Code's tokens, kept, refreshed, and brought towards a sandbox; what was given and got, by name."""
    secrets = {"Codex's key": "sk-canary-of-codex-64", "a refused key": "sk-canary of a key with spaces"}
    assert (await client.post(f"{SETTINGS}/codex", json={"apikey": secrets["Codex's key"]})).status_code == 201
    assert (await client.post(f"{SETTINGS}/codex", json={"apikey": secrets["a refused key"]})).status_code == 400
    begun = (await client.get(f"{SETTINGS}/claude-code/authorize")).json()
    code = given.anthropic.consent(parse_qs(urlsplit(begun["url"]).query)["code_challenge"][0])
    given.anthropic.lifetime = int(ClaudeCodeSettings().refresh_early_seconds) + 1
    pasted = {"authorization_code": f"{code}#{begun['verifier']}"}
    assert (await client.post(f"{SETTINGS}/claude-code", json=pasted)).status_code == 201
    assert (await client.post(f"{SETTINGS}/claude-code", json=pasted)).status_code == 400  # it was used
    given.anthropic.lifetime = 8 * 3600
    await until(lambda: asyncio.sleep(0, given.anthropic.refreshed), seconds=60)
    issued = {f"Claude Code's token {number}": token for number, token in enumerate(given.anthropic.issued)}
    assert len(issued) >= 4
    return {**secrets, **issued, "Claude Code's code": code, "Claude Code's verifier": begun["verifier"]}
