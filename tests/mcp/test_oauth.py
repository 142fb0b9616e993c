"""OAuth-protected MCP servers: a person consents once; tokens are kept encrypted, refreshed in time, and asked for anew when revoked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from tests.fakes.mcp_server import Consenting, FakeMcp
from tests.mcp.test_chats import found_in, results, warnings
from tests.streams import chat

SERVERS = "/agent/mcp/servers"


@pytest.fixture
def consenting() -> Consenting:
    return Consenting()


@pytest.fixture
async def protected(consenting: Consenting) -> AsyncIterator[FakeMcp]:
    async with FakeMcp(consenting=consenting) as server:
        yield server


async def back(url: str) -> str:
    """Where the authorization server sends the browser: the callback's path and query."""
    async with httpx.AsyncClient() as browser:
        location = (await browser.get(url)).headers["location"]
    parts = urlsplit(location)
    assert f"{parts.scheme}://{parts.netloc}" == "http://localhost:8000"
    assert parts.path == "/api/v1/agent/mcp/oauth/callback"
    return f"/agent/mcp/oauth/callback?{parts.query}"


async def add(client: httpx.AsyncClient, server: FakeMcp) -> dict:
    made = await client.post(SERVERS, json={"name": "guarded", "url": server.url, "oauth": {}})
    assert made.status_code == 201, made.text
    return made.json()


async def test_a_person_consents_and_the_server_s_tools_are_there(admin, ann, protected, consenting, mcp_database):
    made = await add(admin, protected)
    assert (made["status"], made["tools"]) == ("awaits_consent", [])
    _, events = await chat(ann, "[say=x]")
    assert warnings(events) == []  # it is nobody's yet
    ended = await admin.get(await back(made["authorization_url"]))
    assert ended.json() == {"server": "guarded", "error": None}, ended.text
    seen = (await ann.get(f"{SERVERS}/guarded")).json()
    assert (seen["status"], seen["authorization_url"]) == ("ready", None)
    assert {tool["name"] for tool in seen["tools"]} >= {"echo"}
    _, events = await chat(ann, '[tool:mcp__guarded__echo {"text": "x"}]')
    assert results(events) == ["echo: x"]
    assert consenting.refreshes == 0
    for secret in consenting.issued:
        assert await found_in(mcp_database, secret) == []


async def test_a_token_is_refreshed_before_it_expires_by_one_of_many(admin, ann, protected, consenting):
    consenting.lifetime = 61  # seconds; a minute before its end it is refreshed
    made = await add(admin, protected)
    await admin.get(await back(made["authorization_url"]))
    consenting.lifetime = 3600
    await asyncio.sleep(1.1)  # the token's own clock, which is the wall's
    asked = [chat(ann, '[tool:mcp__guarded__echo {"text": "x"}]') for _ in range(4)]
    for _, events in await asyncio.gather(*asked):
        assert results(events) == ["echo: x"]
    assert consenting.refreshes == 1


async def test_a_revoked_consent_costs_the_tools_until_it_is_given_anew(
    admin, ann, protected, consenting, mcp_database
):
    made = await add(admin, protected)
    await admin.get(await back(made["authorization_url"]))
    consenting.revoke()
    async with mcp_database.transaction() as session:
        past = datetime.now(UTC) - timedelta(hours=1)
        await session.execute(text("update mcp_servers set checked_at = :past"), {"past": past})
    registered = len(consenting.clients)
    _, events = await chat(ann, "[say=still here]")
    (warning,) = warnings(events)
    assert "wants other credentials" in warning["message"]
    assert len(consenting.clients) == registered  # nobody was there to consent, so nothing was begun
    anew = await admin.post(f"{SERVERS}/guarded/authorize")
    assert anew.status_code == 200, anew.text
    ended = await admin.get(await back(anew.json()["authorization_url"]))
    assert ended.json()["error"] is None
    _, events = await chat(ann, '[tool:mcp__guarded__echo {"text": "x"}]')
    assert results(events) == ["echo: x"]


async def test_a_consent_is_ended_by_the_browser_that_began_it_alone_and_once(admin, ann, protected):
    made = await add(admin, protected)
    callback = await back(made["authorization_url"])
    stranger = await ann.get(callback)
    assert (stranger.status_code, stranger.json()["code"]) == (400, "MCP_CONSENT_INVALID")
    assert (await admin.get(callback)).status_code == 400  # the stranger's attempt used it up
    for query in ("", "?code=x", "?state=x", "?code=x&state=none"):
        assert (await admin.get(f"/agent/mcp/oauth/callback{query}")).status_code == 400
    assert (await ann.get(f"{SERVERS}/guarded")).json()["status"] == "awaits_consent"


async def test_a_refused_consent_is_said(admin, protected):
    made = await add(admin, protected)
    callback = await back(made["authorization_url"])
    state = next(part for part in callback.partition("?")[2].split("&") if part.startswith("state="))
    ended = await admin.get(f"/agent/mcp/oauth/callback?error=access_denied&{state}")
    assert ended.json() == {"server": "guarded", "error": "The consent was refused."}


async def test_only_who_may_change_servers_consents_for_all(admin, ann, protected, server):
    await add(admin, protected)
    assert (await ann.post(f"{SERVERS}/guarded/authorize")).status_code == 403
    assert (await admin.post(f"{SERVERS}/nobody/authorize")).status_code == 404
    await admin.post(SERVERS, json={"name": "open", **server.body})
    none = await admin.post(f"{SERVERS}/open/authorize")
    assert (none.status_code, none.json()["code"]) == (400, "MCP_NO_CONSENT")


async def test_one_s_own_server_is_consented_to_by_oneself(ann, ben, protected):
    settings = "/agent/user-settings/mcp"
    made = await ann.post(f"{settings}/custom", json={"name": "own", "url": protected.url, "oauth": {}})
    assert (made.status_code, made.json()["status"]) == (201, "awaits_consent"), made.text
    assert (await ben.post(f"{settings}/custom/own/authorize")).status_code == 404
    ended = await ann.get(await back(made.json()["authorization_url"]))
    assert ended.json() == {"server": "own", "error": None}
    _, events = await chat(ann, '[tool:mcp__own__echo {"text": "x"}]')
    assert results(events) == ["echo: x"]
    assert (await ann.delete(f"{settings}/own")).status_code == 204
