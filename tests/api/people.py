"""Helpers for tests of the admin API: people with chosen roles, each with a client of their own."""

import asyncio
import ipaddress
import secrets
import time
import uuid
from contextlib import asynccontextmanager

import httpx

PASSWORD = "quite-long-and-odd-7"
LOGIN = "/admin/auth/login"


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


def from_somewhere() -> dict[str, str]:
    """The headers of a client at an address that nobody else uses."""
    return {"X-Forwarded-For": str(ipaddress.IPv4Address(secrets.randbits(24) + (10 << 24)))}


class Admin:
    """Makes rows through the API as the superuser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def post(self, path: str, **body) -> dict:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def menu_ids(self, *permissions: str) -> list[int]:
        def walk(nodes):
            for node in nodes:
                yield node
                yield from walk(node["children"])

        nodes = list(walk((await self.client.get("/admin/sys/menus")).json()))
        found = {node["permission"]: node["id"] for node in nodes if node["permission"]}
        return [found[permission] for permission in permissions]

    async def role(self, *permissions: str, data_scope: str = "all") -> dict:
        ids = await self.menu_ids(*permissions)
        return await self.post("/admin/sys/roles", name=unique("role"), data_scope=data_scope, menu_ids=ids)

    async def user(self, *roles: dict, **more) -> dict:
        ids = [role["id"] for role in roles]
        body = {"username": unique("user"), "password": PASSWORD, "role_ids": ids, **more}
        return await self.post("/admin/sys/users", **body)

    async def dept(self, parent: dict | None = None) -> dict:
        return await self.post("/admin/sys/depts", name=unique("dept"), parent_id=parent and parent["id"])

    @asynccontextmanager
    async def as_user(self, *permissions: str, data_scope: str = "all", **more):
        """A new user who holds these permissions, and a client signed in as them."""
        user = await self.user(await self.role(*permissions, data_scope=data_scope), **more)
        async with signed_in(self.client, user["username"]) as client:
            yield user, client


@asynccontextmanager
async def signed_in(client: httpx.AsyncClient, username: str, password: str = PASSWORD):
    async with httpx.AsyncClient(base_url=client.base_url, timeout=30) as other:
        body = {"username": username, "password": password}
        answer = await other.post(LOGIN, json=body, headers=from_somewhere())
        assert answer.status_code == 200, answer.text
        other.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        other.refresh_token = answer.json()["refresh_token"]
        yield other


async def until(check, seconds: float = 10):
    """Poll until it holds; the deadline is for a slow machine, not a measurement."""
    give_up_at = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < give_up_at, "it never came true"
        await asyncio.sleep(0.05)
    return found
