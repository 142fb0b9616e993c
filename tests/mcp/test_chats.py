"""MCP servers used in chats: whose tools are offered to whom, what comes of a call, and what a dead server costs."""

import asyncio
import base64
import hashlib
import json

import pytest
from sqlalchemy import text

from agents_backend.stack.process import free_port
from tests.api.people import until
from tests.fakes.mcp_server import PIXEL, FakeMcp
from tests.streams import CHAT, body, chat, rejoin, text_of

SERVERS = "/agent/mcp/servers"
SECRET = "canary-of-a-run-51c0"


def offered(fake_model) -> dict[str, dict]:
    """The tools that the model was last offered, by name."""
    return {tool["function"]["name"]: tool["function"] for tool in fake_model.requests[-1].get("tools") or ()}


def results(events: list[dict]) -> list[str]:
    return [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]


def warnings(events: list[dict]) -> list[dict]:
    return [e["value"] for e in events if e["type"] == "CUSTOM" and e["name"] == "warning"]


async def test_a_deployment_s_server_serves_every_chat_and_is_asked_once_for_its_tools(admin, ann, server, fake_model):
    await admin.post(SERVERS, json={"name": "fake", **server.body})
    server.received.clear()
    _, events = await chat(ann, '[tool:mcp__fake__echo {"text": "hello"}]')
    assert results(events) == ["echo: hello"]
    echo = offered(fake_model)["mcp__fake__echo"]
    assert echo["description"] == "Say it again."
    assert echo["parameters"]["properties"]["style"]["anyOf"][0] == {
        "additionalProperties": {"type": "string"},
        "type": "object",
    }
    assert warnings(events) == []
    listings = len(server.received)
    _, events = await chat(ann, '[tool:mcp__fake__echo {"text": "again"}]')
    assert results(events) == ["echo: again"]
    assert len(server.received) - listings <= 5  # one call's own connection, and no other listing
    assert events[-1]["type"] == "RUN_FINISHED"


async def test_our_own_token_is_never_sent_on(admin, server, token_of):
    await admin.post(SERVERS, json={"name": "fake", **server.body})
    await chat(admin, '[tool:mcp__fake__echo {"text": "hello"}]', mcp_settings={"servers": {"fake": {}}})
    sent = json.dumps([headers for _, _, headers in server.received])
    assert token_of(admin) not in sent
    assert server.headers("authorization") == server.headers("cookie") == set()


async def test_a_chat_brings_its_own_server_whose_secrets_are_encrypted_and_forgotten_with_the_run(
    ann, mcp_database, fake_model
):
    async with FakeMcp(token=SECRET) as guarded:
        settings = {"servers": {"mine": {**guarded.body, "enabled_tools": ["echo", "slow"]}}}
        async with ann.stream(
            "POST",
            CHAT,
            json=body('[tool:mcp__mine__echo {"text": "x"}][tool:mcp__mine__slow {}]', mcp_settings=settings),
        ) as response:
            run_id = response.headers["X-Run-Id"]
            await until(lambda: asyncio.sleep(0, guarded.calls["slow"]))
            assert set(offered(fake_model)) & {f"mcp__mine__{n}" for n in ("echo", "slow", "count", "fail")} == {
                "mcp__mine__echo",
                "mcp__mine__slow",
            }
            assert await kept(mcp_database) == 1
            assert await found_in(mcp_database, SECRET) == []
            guarded.release.set()
            await response.aread()
        events = [event for _, event in await rejoin(ann, run_id)]
        assert sorted(results(events)) == ["done", "echo: x"]
        await until(lambda: none_kept(mcp_database), seconds=60)


async def kept(database) -> int:
    async with database.autocommit() as session:
        return (await session.execute(text("select count(*) from mcp_servers where run_id is not null"))).scalar_one()


async def none_kept(database) -> bool:
    return await kept(database) == 0


async def found_in(database, secret: str) -> list[str]:
    """The tables of which a row holds the secret, as it is or as bytes."""
    found = []
    async with database.autocommit() as session:
        names = (
            await session.execute(text("select tablename from pg_tables where schemaname = current_schema()"))
        ).scalars()
        for name in names.all():
            rows = (await session.execute(text(f'select t::text from "{name}" t'))).scalars().all()
            if any(secret in row or secret.encode().hex() in row for row in rows):
                found.append(name)
    return found


async def test_no_secret_of_a_run_is_in_its_history(ann, mcp_stack, mcp_settings):
    from agents_backend.integrations.temporal import connect  # noqa: PLC0415

    async with FakeMcp(token=SECRET) as guarded:
        settings = {"servers": {"mine": guarded.body}}
        response, _ = await chat(ann, '[tool:mcp__mine__echo {"text": "x"}]', mcp_settings=settings)
    client = await connect(mcp_settings)
    history = await client.get_workflow_handle(f"chat-{response.headers['X-Run-Id']}").fetch_history()
    told = history.to_json()
    whole = told + "".join(base64.b64decode(d).decode("latin-1") for d in payloads(json.loads(told)))
    assert "mcp__mine__echo" in whole
    assert SECRET not in whole
    assert guarded.url not in whole


def payloads(node) -> list[str]:
    if isinstance(node, dict):
        own = [node["data"]] if isinstance(node.get("data"), str) else []
        return own + [found for value in node.values() for found in payloads(value)]
    return [found for value in node for found in payloads(value)] if isinstance(node, list) else []


async def test_a_picture_in_a_result_is_kept_as_an_artifact(admin, ann, server):
    await admin.post(SERVERS, json={"name": "fake", **server.body})
    response, events = await chat(ann, "[tool:mcp__fake__picture {}]")
    (result,) = results(events)
    assert result.startswith("here\n\n[The user can download from this run: image-")
    run_id = response.headers["X-Run-Id"]
    (artifact,) = (await ann.get(f"/agent/runs/{run_id}")).json()["artifacts"]
    assert artifact["media_type"] == "image/png"
    data = (await ann.get(f"/agent/runs/{run_id}/artifacts/{artifact['name']}")).content
    assert hashlib.sha256(data).digest() == hashlib.sha256(base64.b64decode(PIXEL)).digest()


async def test_what_a_tool_cannot_do_is_told_to_the_model(admin, ann, server):
    await admin.post(SERVERS, json={"name": "fake", **server.body})
    _, events = await chat(ann, '[tool:mcp__fake__fail {}][tool:mcp__fake__echo {"wrong": 1}]')
    assert any("it cannot be done" in result for result in results(events))
    assert any("text" in result for result in results(events))
    assert events[-1]["type"] == "RUN_FINISHED"


async def test_a_dead_server_costs_a_chat_its_tools_and_never_the_chat(ann, fake_model):
    dead = f"http://127.0.0.1:{free_port()}/mcp"
    _, events = await chat(ann, "[say=still here]", mcp_settings={"servers": {"dead": {"url": dead}}})
    assert text_of(events) == "still here"
    (warning,) = warnings(events)
    assert (warning["code"], warning["server"]) == ("MCP_SERVER_UNAVAILABLE", "dead")
    assert "No connection to 127.0.0.1" in warning["message"]
    assert not [name for name in offered(fake_model) if name.startswith("mcp__dead")]
    assert events[-1]["type"] == "RUN_FINISHED"


async def test_a_server_that_dies_in_the_middle_costs_the_call_alone_and_is_warned_of_once(ann):
    async with FakeMcp() as server:
        settings = {"servers": {"weak": server.body}}
        async with ann.stream("POST", CHAT, json=body("[tool:mcp__weak__slow {}]", mcp_settings=settings)) as response:
            run_id = response.headers["X-Run-Id"]
            await until(lambda: asyncio.sleep(0, server.calls["slow"]))
            await server.__aexit__()
            await response.aread()
    events = [event for _, event in await rejoin(ann, run_id)]
    assert events[-1]["type"] == "RUN_FINISHED"
    assert len(results(events)) == 1
    assert len(warnings(events)) <= 1


async def test_a_cancelled_run_cancels_its_call(ann, server):
    settings = {"servers": {"mine": server.body}}
    async with ann.stream("POST", CHAT, json=body("[tool:mcp__mine__slow {}]", mcp_settings=settings)) as response:
        run_id = response.headers["X-Run-Id"]
        await until(lambda: asyncio.sleep(0, server.calls["slow"]))
        assert (await ann.post(f"/agent/runs/{run_id}/cancel")).status_code == 200
        await response.aread()
    events = [event for _, event in await rejoin(ann, run_id)]
    assert events[-1]["outcome"]["type"] == "cancelled"
    await until(lambda: asyncio.sleep(0, server.cancelled), seconds=20)


async def test_a_call_that_takes_too_long_is_given_up(ann, server):
    settings = {"servers": {"mine": {**server.body, "timeout_seconds": 1}}}
    _, events = await chat(ann, "[tool:mcp__mine__slow {}]", mcp_settings=settings)
    assert results(events) == ["The server did not answer in 1 seconds."]
    assert events[-1]["type"] == "RUN_FINISHED"


async def test_a_chat_may_leave_a_known_server_out_or_take_some_of_its_tools(admin, ann, server, fake_model):
    await admin.post(SERVERS, json={"name": "fake", **server.body})
    await chat(ann, "[say=x]", mcp_settings={"servers": {"fake": {"enabled": False}}})
    assert not [name for name in offered(fake_model) if name.startswith("mcp__")]
    await chat(ann, "[say=x]", mcp_settings={"servers": {"fake": {"enabled_tools": ["echo"]}}})
    assert [name for name in offered(fake_model) if name.startswith("mcp__")] == ["mcp__fake__echo"]
    await chat(ann, "[say=x]", mcp_settings={"servers": {"fake": {"add_to_agents": ["researcher"]}}})
    assert not [name for name in offered(fake_model) if name.startswith("mcp__")]
    unknown = await ann.post(CHAT, json=body("x", mcp_settings={"servers": {"nobody": {}}}))
    assert (unknown.status_code, unknown.json()["code"]) == (400, "VALIDATION_ERROR")
    assert "there is no MCP server named nobody" in unknown.json()["detail"]


async def test_a_tool_can_be_held_for_approval(ann, server):
    settings = {"servers": {"mine": server.body}}
    ask = body("[tool:mcp__mine__count {}]", mcp_settings=settings, interrupt_before_tools=["mcp__mine__count"])
    async with ann.stream("POST", CHAT, json=ask) as response:
        run_id = response.headers["X-Run-Id"]
        await response.aread()
    assert server.calls["count"] == 0
    await ann.post(f"/agent/runs/{run_id}/resume", json={"decision": "approve"})
    events = [event for _, event in await rejoin(ann, run_id)]
    assert results(events) == ["1"]
    assert server.calls["count"] == 1


async def test_the_ag_ui_endpoint_takes_servers_too(ann, server, fake_model):
    asked = {
        "threadId": "mcp-agui",
        "runId": "r1",
        "state": {},
        "messages": [{"id": "m1", "role": "user", "content": "[say=x]"}],
        "tools": [],
        "context": [],
        "forwardedProps": {"mcp_settings": {"servers": {"mine": server.body}}},
    }
    answer = await ann.post("/agent/ag-ui/chat", json=asked)
    assert answer.status_code == 200, answer.text
    assert "mcp__mine__echo" in offered(fake_model)


@pytest.fixture
def token_of():
    return lambda client: client.headers["Authorization"].removeprefix("Bearer ")
