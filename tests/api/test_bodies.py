"""Every body holds its own fields and no other, and an address in one is refused before anybody connects.

The bodies are read from OpenAPI: a new one is covered by being there, a new address fails here until `ADDRESSES` sends one.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Self

import pytest

from agents_backend.db import tables
from agents_backend.db.base import Base
from agents_backend.services.vault import Vault
from api.app import create_app
from tests.api.people import unique
from tests.api.test_permissions import _concrete
from tests.schedulers import never

# Bodies of another's making: AG-UI's own, and a payload as the Temporal UI hands it on, whose later fields are passed over.
OTHERS = {"run_ag_ui": None, "decode_payloads": "PayloadBody", "encode_payloads": "PayloadBody"}
# What an attacker would like to set.
COLUMNS = {column.name for table in Base.metadata.tables.values() for column in table.columns}
WANTED = COLUMNS | {"is_admin", "permissions", "credits", "owner", "owner_id", "__class__", "$where"}
NAMED_LIKE_AN_ADDRESS = re.compile(r"url|uri|avatar|link|webhook|endpoint|host", re.IGNORECASE)
# A sandbox's files need a sandbox: tests/sandboxes/test_files.py sends these two the same addresses.
IN_A_SANDBOX = {"upload_sandbox_file_from_url.url", "send_sandbox_file_to_presigned.presigned_url"}
# Kept for a browser to show; this server never fetches one.
SHOWN_ALONE = {f"{name}.avatar" for name in ("create_user", "update_user", "update_me", "update_my_avatar")}


@dataclass(frozen=True)
class Field:
    """A field of a request's body: where it stands (`servers.*.url`), its schema, and the object that it is of."""

    place: str
    of: str
    schema: dict[str, Any]


@pytest.fixture(scope="module")
def document(settings) -> dict[str, Any]:
    return create_app(settings).openapi()


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Operation id, method, path and schema of each JSON body."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if schema := content.get("application/json", {}).get("schema"):
                yield operation["operationId"], method, path, schema


def walk(
    document: dict, schema: dict, place: str = "", of: str = "", seen: frozenset[str] = frozenset()
) -> Iterator[Field]:
    """Every object and field below a schema."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name not in seen:
            yield from walk(document, document["components"]["schemas"][name], place, name, seen | {name})
        return
    yield Field(place, of, schema)
    several = [inner for key in ("anyOf", "oneOf", "allOf") for inner in schema.get(key, ())]
    for inner in several:
        yield from walk(document, inner, place, of, seen)
    many = [schema.get("items"), schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    for inner in many:
        if isinstance(inner, dict):
            yield from walk(document, inner, f"{place}.*", of, seen)
    for key, inner in schema.get("properties", {}).items():
        yield from walk(document, inner, f"{place}.{key}", of, seen)


async def test_every_object_of_a_body_has_its_own_fields_alone(document):
    for name, _, _, schema in bodies(document):
        for found in walk(document, schema):
            if "properties" in found.schema and OTHERS.get(name, "") not in {None, found.of}:
                assert found.schema.get("additionalProperties") is False, (name, found.place, found.of)


async def test_what_is_no_field_of_a_body_is_a_400_that_names_it(document, admin_client):
    checked = 0
    for name, method, path, schema in bodies(document):
        if name in OTHERS and OTHERS[name] is None:
            continue
        own = {found.place[1:] for found in walk(document, schema) if found.place.count(".") == 1}
        foreign = sorted(WANTED - own - {"sandboxId"})
        answer = await admin_client.request(method, _concrete(path), json=dict.fromkeys(foreign, 1))
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), (name, answer.text)
        named = {error["loc"][-1] for error in answer.json()["errors"] if error["type"] == "extra_forbidden"}
        assert named >= set(foreign), (name, sorted(set(foreign) - named))
        checked += 1
    assert checked > 40


async def test_a_form_s_other_fields_set_nothing(client, other_client, me):
    forged = {"user_id": str(me["id"]), "id": str(uuid.uuid4()), "is_ready": "false", "status": "failed", "key": "../x"}
    files = {"file": ("theirs.txt", b"theirs")}
    made = await other_client.post("/agent/files/upload", files=files, data=forged)
    if made.status_code != 400:
        assert made.json()["id"] != forged["id"]
        assert (await client.get(f"/agent/files/{made.json()['id']}")).status_code == 404
        assert (await other_client.get(f"/agent/files/{made.json()['id']}")).status_code == 200
    files = {"file": ("theirs.txt", b"theirs")}
    made = await other_client.post("/agent/rag/resources", files=files, data=forged)
    if made.status_code != 400:
        assert made.json()["id"] != forged["id"]
        assert (await client.get(f"/agent/rag/resources/{made.json()['id']}")).status_code == 404


class Canary:
    """Listens on loopback and counts who connects."""

    async def __aenter__(self) -> Self:
        self.heard = 0
        self._server = await asyncio.start_server(self._hear, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _hear(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += 1
        writer.close()

    def addresses(self) -> list[str]:
        loopback = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]")
        elsewhere = ("http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://100.64.0.1/")
        schemes = ("file:///etc/passwd", f"gopher://127.0.0.1:{self.port}/", f"//127.0.0.1:{self.port}/", "/etc/passwd")
        return [*(f"http://{host}:{self.port}/x" for host in loopback), *elsewhere, *schemes]


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    async with Canary() as canary:
        yield canary


@pytest.fixture
async def kept(client, database, settings, me) -> AsyncIterator[dict[str, str]]:
    """What an update needs: the names of a user's and the deployment's MCP server, and a scheduler's id."""
    vault, name = Vault(settings.vault), unique("kept")
    async with database.transaction() as session:
        for owner in (me["id"], None):
            server = tables.McpServer(id=uuid.uuid4(), user_id=owner, name=name, is_active=False)
            vault.seal(server, "config", {"url": "https://example.com/mcp"})
            session.add(server)
    scheduler = (await client.post("/task/schedulers", json=never())).json()["id"]
    yield {"name": name, "scheduler_id": scheduler, "user_id": str(me["id"])}
    await client.delete(f"/task/schedulers/{scheduler}")
    await client.delete(f"/agent/mcp/servers/{name}")
    await client.delete(f"/agent/user-settings/mcp/{name}")


def _chat(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x"}], **more}


def _brought(url: str) -> dict[str, Any]:
    return _chat(mcp_settings={"servers": {"p": {"url": url}}})


def _resources(url: str) -> list[dict[str, str]]:
    return [{"uri": url, "title": "x"}]


# The body that brings an address to each field that holds one.
ADDRESSES = {
    "create_custom_mcp_server.url": lambda url: {"name": "ssrf", "url": url},
    "update_custom_mcp_server.url": lambda url: {"url": url},
    "create_mcp_server.url": lambda url: {"name": "ssrf", "url": url},
    "update_mcp_server.url": lambda url: {"url": url},
    "stream_chat.mcp_settings.servers.*.url": _brought,
    "stream_agent.mcp_settings.servers.*.url": _brought,
    "stream_chat.resources.*.uri": lambda url: _chat(resources=_resources(url)),
    "stream_agent.resources.*.uri": lambda url: _chat(resources=_resources(url)),
    "search_resources.resources.*.uri": lambda url: {"query": "x", "resources": _resources(url)},
    "add_resource.url": lambda url: {"url": url},
    "create_scheduler.webhook_url": lambda url: never(webhook_url=url),
    "update_scheduler.webhook_url": lambda url: {"webhook_url": url},
}


def addressed(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Method and path of each field of a body that holds an address."""
    return {
        f"{name}{found.place}": (method, path)
        for name, method, path, schema in bodies(document)
        if OTHERS.get(name, "") is not None
        for found in walk(document, schema)
        if found.schema.get("type") == "string" and NAMED_LIKE_AN_ADDRESS.search(found.place.rpartition(".")[2])
    }


async def test_no_address_in_a_body_is_connected_to_unless_it_is_public(document, client, canary, kept):
    fields = addressed(document)
    assert fields.keys() == ADDRESSES.keys() | IN_A_SANDBOX | SHOWN_ALONE
    for name, body in ADDRESSES.items():
        method, path = fields[name]
        url = path.removeprefix("/api/v1").format(**kept)
        answers = await asyncio.gather(
            *(client.request(method, url, json=body(address)) for address in canary.addresses())
        )
        for answer in answers:
            assert answer.status_code == 400, (name, answer.request.content, answer.text)
            refused = answer.json()
            places = {error["loc"][-1] for error in refused.get("errors", ())}
            is_told = refused["code"] == "ADDRESS_REFUSED" or name.rpartition(".")[2] in places
            assert is_told, (name, answer.request.content, answer.text)
    assert canary.heard == 0


async def test_a_picture_s_address_is_kept_and_never_fetched(document, client, canary):
    for address in canary.addresses():
        answer = await client.put("/admin/sys/users/me/avatar", json={"avatar": address})
        assert answer.status_code == (200 if address.startswith("http") else 400), answer.text
    assert (await client.put("/admin/sys/users/me/avatar", json={"avatar": ""})).status_code == 200
    assert canary.heard == 0
