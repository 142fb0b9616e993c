"""Streams that are open when their sign-in ends, and how many one user may hold."""

import asyncio
import json
import uuid

import httpx
import pytest

from agents_backend.db.base import Database
from agents_backend.domain.errors import TooMany
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.redis_connections import connect
from agents_backend.services.open_streams import OpenStreams
from tests.api.people import Admin
from tests.conftest import PASSWORD
from tests.streams import CHAT, body, chat, rejoin


async def test_a_logout_closes_the_stream_and_the_run_goes_on(base_url, client):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1", timeout=30) as other:
        answer = await other.post("/admin/auth/login", json={"username": "admin", "password": PASSWORD})
        other.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        async with other.stream("POST", CHAT, json=body("on and on [tokens=400 delay=20]")) as response:
            run_id, ended = response.headers["X-Run-Id"], False
            async for line in response.aiter_lines():
                if line.startswith("data: ") and not ended:
                    ended = True
                    assert (await other.post("/admin/auth/logout")).status_code == 204
            assert "RUN_FINISHED" not in line
    assert (await client.get(f"/agent/runs/{run_id}")).json()["status"] == "running"
    await client.post(f"/agent/runs/{run_id}/cancel")
    assert (await rejoin(client, run_id))[-1][1]["outcome"]["type"] == "cancelled"


async def test_one_stream_too_many_is_a_429_and_a_closed_one_makes_room(database: Database):
    streams = OpenStreams(database=database, per_user=2)
    with streams.lease(1, uuid.uuid4()):
        streams.admit(1)
        with streams.lease(1, uuid.uuid4()):
            streams.admit(2)
            with pytest.raises(TooMany):
                streams.admit(1)
        streams.admit(1)


async def test_a_lost_log_is_said_and_the_messages_come_from_postgresql(client, settings):
    response, _ = await chat(client, "[say=kept in the database]")
    run_id = response.headers["X-Run-Id"]
    async with connect(settings.redis) as redis:
        await EventLog(redis).delete(run_id)
    frames = await rejoin(client, run_id)
    assert [event["type"] for _, event in frames] == ["RUN_STARTED", "CUSTOM", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert frames[1][1]["name"] == "gap"
    assert frames[2][1]["messages"][-1]["content"] == "kept in the database"
    assert [event_id for event_id, _ in frames] == sorted({event_id for event_id, _ in frames})


async def test_a_log_lost_in_the_middle_of_an_answer_ends_with_the_whole_text(client, settings):
    kinds, messages, struck = [], None, False
    async with client.stream("POST", CHAT, json=body("torn [tokens=80 delay=20]")) as response:
        async for line in response.aiter_lines():
            if not line.startswith("data: "):
                continue
            event = json.loads(line[6:])
            kinds.append(event["type"])
            messages = event["messages"] if event["type"] == "MESSAGES_SNAPSHOT" else messages
            if len(kinds) > 15 and not struck:
                struck = True
                async with connect(settings.redis) as redis:
                    await EventLog(redis).delete(response.headers["X-Run-Id"])
                await asyncio.sleep(0)
    assert kinds.count("MESSAGES_SNAPSHOT") == 2
    assert kinds.count("TEXT_MESSAGE_END") == 1
    assert kinds[-1] == "RUN_FINISHED"
    assert messages[-1]["content"].strip() == " ".join(f"tok{n}" for n in range(80))


async def test_a_change_of_somebody_s_roles_closes_their_stream_and_their_session_goes_on(client):
    admin = Admin(client)
    async with admin.as_user() as (user, theirs):
        async with theirs.stream("POST", CHAT, json=body("on and on [tokens=400 delay=20]")) as response:
            run_id, changed = response.headers["X-Run-Id"], False
            async for line in response.aiter_lines():
                if line.startswith("data: ") and not changed:
                    changed = True
                    answer = await client.put(f"/admin/sys/users/{user['id']}", json={"role_ids": []})
                    assert answer.status_code == 200
            assert "RUN_FINISHED" not in line
        assert (await theirs.post(f"/agent/runs/{run_id}/cancel")).status_code == 200
        assert (await rejoin(theirs, run_id))[-1][1]["outcome"]["type"] == "cancelled"
