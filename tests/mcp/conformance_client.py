"""Our MCP client as the conformance suite drives it: one scenario after another, or side by side, each asked for by its relay.

It does what a chat does: lists the tools on one connection and calls each on another, with the sign-in kept in between. In
place of a person and their browser it follows the authorization server's redirect.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx

from agents_backend.domain.errors import AgentsError, NotFound
from agents_backend.domain.mcp import OAuthClient, ServerConfig
from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.mcp import McpClients
from agents_backend.integrations.mcp_auth import Person, Returned, SignIn

REDIRECT = "http://localhost:3000/callback"
ARGUMENTS = {"add_numbers": {"a": 5, "b": 3}}


class Keeper:
    kept: str | None = None

    async def load(self) -> str | None:
        return self.kept

    async def save(self, kept: str) -> None:
        self.kept = kept

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        yield


class Browser:
    def __init__(self) -> None:
        self.location = ""

    async def send(self, url: str) -> None:
        async with httpx.AsyncClient(follow_redirects=False) as client:
            self.location = (await client.get(url)).headers["location"]

    async def returned(self) -> Returned:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}
        return Returned(query["code"], query.get("state", ""), query.get("iss"))


def oauth_of(scenario: str, given: dict) -> OAuthClient | None:
    if not scenario.startswith("auth/"):
        return None
    if scenario == "auth/client-credentials-basic":
        return OAuthClient(
            grant="client_credentials",
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            issuer=given["issuer"],
        )
    return OAuthClient(client_id=given.get("client_id"), client_secret=given.get("client_secret"))


async def issuer_of(url: str) -> str:
    """Whom an administrator would name: the authorization server that the resource itself publishes."""
    parts = urlsplit(url)
    places = (f"/.well-known/oauth-protected-resource{parts.path}", "/.well-known/oauth-protected-resource")
    async with httpx.AsyncClient() as client:
        for place in places:
            answer = await client.get(f"{parts.scheme}://{parts.netloc}{place}")
            if answer.status_code == 200:
                return answer.json()["authorization_servers"][0]
    raise NotFound("the server names no authorization server")


@asynccontextmanager
async def at_hand() -> AsyncIterator[int]:
    """The port on which the relays are answered: with nothing, or with what went wrong."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await play(*json.loads(await reader.readline()))
        except AgentsError as error:
            writer.write(f"{error.code}: {error.detail}".encode())
        except Exception as error:  # noqa: BLE001  # whatever it is, the suite must hear of it
            writer.write(f"{error!r}".encode())
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def play(scenario: str, given: dict, url: str) -> None:
    if scenario == "auth/client-credentials-basic":
        given["issuer"] = await issuer_of(url)
    clients = McpClients(policy=Policy(allow_loopback=True), trust=await certificates())
    browser = Browser()
    sign_in = SignIn(Keeper(), Person(REDIRECT, browser.send, browser.returned))
    config = ServerConfig(url=url, oauth=oauth_of(scenario, given), timeout_seconds=20)
    for tool in await clients.tools(config, sign_in):
        await clients.call(config, tool.name, ARGUMENTS.get(tool.name, {}), sign_in)
