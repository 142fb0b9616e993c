"""The deployment's MCP servers: added, read, changed, removed; their secrets; what is refused, and why."""

import asyncio
import json

import pytest
from sqlalchemy import text

from agents_backend.db.base import Base
from agents_backend.db.vault import sealed_columns
from agents_backend.stack.process import free_port
from tests.fakes.mcp_server import FakeMcp
from tests.fakes.wire import Server, answer, misbehave

SERVERS = "/agent/mcp/servers"
SECRET = "canary-of-a-header-7f3a"


async def test_an_added_server_is_listed_with_its_tools_and_their_whole_schemas(admin, ann, server):
    made = await admin.post(SERVERS, json={"name": "fake", **server.body})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/agent/mcp/servers/fake"
    (seen,) = (await ann.get(SERVERS)).json()["items"]
    assert seen == made.json()
    assert (seen["status"], seen["error"]) == ("ready", None)
    echo = next(tool for tool in seen["tools"] if tool["name"] == "echo")
    assert echo["description"] == "Say it again."
    assert echo["input_schema"]["required"] == ["text"]
    assert echo["input_schema"]["properties"]["style"]["anyOf"][0]["additionalProperties"] == {"type": "string"}
    assert (await ann.get(f"{SERVERS}/fake")).json() == seen
    assert (await admin.delete(f"{SERVERS}/fake")).status_code == 204
    assert (await ann.get(SERVERS)).json()["items"] == []
    assert (await admin.delete(f"{SERVERS}/fake")).status_code == 404


async def test_a_server_of_the_older_transport_is_added_too(admin):
    async with FakeMcp(sse=True) as old:
        made = await admin.post(SERVERS, json={"name": "old", **old.body})
        assert made.status_code == 201, made.text
        assert {tool["name"] for tool in made.json()["tools"]} >= {"echo", "picture"}


async def test_only_who_holds_the_permission_writes(ann, server):
    body = {"name": "fake", **server.body}
    assert (await ann.post(SERVERS, json=body)).status_code == 403
    assert (await ann.put(f"{SERVERS}/fake", json=server.body)).status_code == 403
    assert (await ann.delete(f"{SERVERS}/fake")).status_code == 403
    assert server.received == []


async def test_the_same_name_is_a_conflict_and_the_same_key_the_same_server(admin, server):
    body, key = {"name": "fake", **server.body}, {"Idempotency-Key": "mcp-1"}
    first = await admin.post(SERVERS, json=body, headers=key)
    again = await admin.post(SERVERS, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert first.json() == again.json()
    other = await admin.post(SERVERS, json={**body, "timeout_seconds": 5}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    taken = await admin.post(SERVERS, json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "MCP_SERVER_EXISTS")


async def test_secrets_are_masked_on_read_kept_when_the_mask_is_written_back_and_encrypted_at_rest(admin, mcp_database):
    async with FakeMcp(token=SECRET) as guarded:
        url = f"{guarded.url}?api_key={SECRET}"
        made = await admin.post(SERVERS, json={"name": "guarded", **guarded.body, "url": url})
        assert made.status_code == 201, made.text
        seen = made.json()
        assert SECRET not in made.text
        assert seen["headers"] == {"Authorization": "********7f3a"}
        assert seen["url"] == f"{guarded.url}?api_key=********"
        guarded.received.clear()
        back = {"url": seen["url"], "headers": seen["headers"], "timeout_seconds": 9}
        changed = await admin.put(f"{SERVERS}/guarded", json=back)
        assert changed.status_code == 200, changed.text
        assert (changed.json()["headers"], changed.json()["timeout_seconds"]) == (seen["headers"], 9)
        assert guarded.headers("authorization") == {f"Bearer {SECRET}"}
        async with mcp_database.autocommit() as session:
            for table in ("mcp_servers", "opera_logs", "idempotency_keys"):
                kept = (await session.execute(text(f"select t::text from {table} t"))).scalars().all()
                assert not [row for row in kept if SECRET in row or SECRET.encode().hex() in row], table


def test_the_rotation_of_keys_finds_every_secret():
    found = {str(column) for column in sealed_columns(Base.metadata)}
    assert found >= {"mcp_servers.config", "mcp_servers.sign_in", "coding_agents.secret"}


async def test_a_tool_s_description_that_cannot_be_kept_is_a_400(admin):
    async def handler(asked, writer):
        tools = [{"name": "t", "description": "a\x00b", "inputSchema": {"type": "object"}}]
        result = {"tools": tools} if asked.json["method"] == "tools/list" else {}
        started = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "x", "version": "1"},
        }
        if asked.json["method"] == "initialize":
            result = started
        if asked.method != "POST" or asked.json["method"] == "server/discover":
            await answer(writer, "{}", status=405)
        elif "id" not in asked.json:
            await answer(writer, status=202)
        else:
            await answer(writer, json.dumps({"jsonrpc": "2.0", "id": asked.json["id"], "result": result}))

    async with Server(handler) as strange:
        refused = await admin.post(SERVERS, json={"name": "strange", "url": f"{strange.url}/mcp"})
    assert (refused.status_code, refused.json()["code"]) == (400, "MCP_SERVER_UNUSABLE"), refused.text
    assert "no valid text" in refused.json()["detail"]


@pytest.mark.parametrize("fault", ["429", "500", "malformed", "gzip"])
async def test_what_a_broken_server_says_is_not_passed_on(admin, fault):
    async def handler(asked, writer):
        if fault == "gzip":
            await answer(writer, "secret-body", content_encoding="gzip")
        else:
            await misbehave(fault, writer)

    async with Server(handler) as broken:
        refused = await admin.post(SERVERS, json={"name": "broken", "url": f"{broken.url}/mcp"})
    assert (refused.status_code, refused.json()["code"]) == (400, "MCP_SERVER_UNUSABLE"), refused.text
    assert "secret-body" not in refused.text


async def test_a_redirect_to_another_address_is_not_followed(admin, server):
    async def handler(asked, writer):
        await answer(writer, status=307, location=server.url)

    async with Server(handler) as leading:
        headers = {"Authorization": f"Bearer {SECRET}"}
        refused = await admin.post(SERVERS, json={"name": "x", "url": f"{leading.url}/mcp", "headers": headers})
    assert refused.status_code == 400, refused.text
    assert server.received == []


async def test_a_stored_secret_never_goes_to_another_address(admin, server):
    async with FakeMcp(token=SECRET) as guarded:
        seen = (await admin.post(SERVERS, json={"name": "guarded", **guarded.body})).json()
        moved = await admin.put(f"{SERVERS}/guarded", json={"url": server.url, "headers": seen["headers"]})
        assert moved.status_code == 400, moved.text
        assert server.received == []
        anew = await admin.put(f"{SERVERS}/guarded", json={"url": server.url, "headers": {}})
        assert anew.status_code == 200, anew.text
        assert server.headers("authorization") == set()


async def test_a_server_that_cannot_be_used_is_a_400_that_says_why(admin):
    nobody = f"http://127.0.0.1:{free_port()}/mcp"
    refused = await admin.post(SERVERS, json={"name": "nobody", "url": nobody})
    assert (refused.status_code, refused.json()["code"]) == (400, "MCP_SERVER_UNUSABLE")
    assert "No connection to 127.0.0.1" in refused.json()["detail"]
    async with FakeMcp(token=SECRET) as guarded:
        wrong = await admin.post(
            SERVERS, json={"name": "g", "url": guarded.url, "headers": {"Authorization": "Bearer no"}}
        )
        assert wrong.status_code == 400
        assert "wants other credentials (HTTP 401)" in wrong.json()["detail"]
        page = await admin.post(SERVERS, json={"name": "page", "url": f"http://127.0.0.1:{guarded.port}/nothing"})
        assert (page.status_code, page.json()["code"]) == (400, "MCP_SERVER_UNUSABLE")
        assert "HTTP 404" in page.json()["detail"]
    assert (await admin.get(SERVERS)).json()["total"] == 0


STDIO = [
    {"transport": "stdio", "command": command, "args": args}
    for command in ("touch", "sh", "/bin/sh", "npx", "uvx", "python3", "", ";touch", "$(touch)", "`touch`")
    for args in (["MARKER"], ["-c", "touch MARKER"], ["-y", "x; touch MARKER"])
]


@pytest.mark.parametrize("payload", STDIO)
async def test_a_program_is_never_started_for_a_request(admin, tmp_path, payload):
    marker = tmp_path / "marker"
    args = [part.replace("MARKER", str(marker)) for part in payload["args"]]
    answers = [await admin.post(SERVERS, json={"name": "p", **payload, "args": args})]
    chat = {"messages": [{"role": "user", "content": "x"}]}
    settings = {"servers": {"p": {**payload, "args": args, "env": {"A": "b"}}}}
    answers.append(await admin.post("/agent/chat/stream", json={**chat, "mcp_settings": settings}))
    for got in answers:
        assert got.status_code == 400, got.text
        assert got.json()["code"] == "MCP_STDIO_REFUSED" or not payload["command"]
        assert "sandbox" in got.json()["detail"] or not payload["command"]
    await asyncio.sleep(0)
    assert not marker.exists()


ELSEWHERE = [
    *("http://10.0.0.1/mcp", "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://[fd00::1]/"),
    *("http://[::ffff:10.0.0.1]/", "http://0x0a000001/", "http://012.0.0.1/", "http://167772161/"),
    *("file:///etc/passwd", "gopher://example.com/", "//example.com/mcp", "/mcp", "http://user:pass@example.com/mcp"),
]


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_an_address_that_is_not_public_is_refused_before_anybody_connects(admin, url):
    kept = await admin.post(SERVERS, json={"name": "p", "url": url})
    assert (kept.status_code, kept.json()["code"]) == (400, "ADDRESS_REFUSED"), kept.text
    chat = {"messages": [{"role": "user", "content": "x"}], "mcp_settings": {"servers": {"p": {"url": url}}}}
    brought = await admin.post("/agent/chat/stream", json=chat)
    assert (brought.status_code, brought.json()["code"]) == (400, "ADDRESS_REFUSED"), brought.text
    assert brought.json()["errors"][0]["loc"] == ["body", "mcp_settings", "servers", "p", "url"]


@pytest.mark.parametrize(
    "field", ["id", "user_id", "run_id", "is_active", "tools", "status", "config", "sign_in", "error"]
)
async def test_a_column_that_is_not_a_field_is_a_400(admin, server, field):
    answer = await admin.post(SERVERS, json={"name": "fake", **server.body, field: 1})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert server.received == []


@pytest.mark.parametrize(
    "headers", [{"Host": "x"}, {"a b": "c"}, {"a": "b\r\nc: d"}, {"": "x"}, {"content-LENGTH": "1"}, {"a": "\u20ac"}]
)
async def test_a_header_that_is_none_or_is_the_connection_s_own_is_a_400(admin, server, headers):
    answer = await admin.post(SERVERS, json={"name": "fake", "url": server.url, "headers": headers})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert server.received == []
