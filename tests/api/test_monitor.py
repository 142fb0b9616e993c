"""The state of the server and of Redis; who is signed in, and signing them out."""

import json

import httpx
import pytest

from tests.api.people import PASSWORD, Admin, signed_in, until

SESSIONS = "/admin/monitor/sessions"


async def test_the_server_s_state_tells_of_the_machine_and_of_each_task_queue(client):
    async def polled():
        answer = await client.get("/admin/monitor/server")
        assert answer.status_code == 200, answer.text
        queues = {(queue["name"], queue["kind"]): queue for queue in answer.json()["temporal"]["queues"]}
        return (answer.json(), queues) if queues["chat", "workflow"]["pollers"] else None

    state, queues = await until(polled, seconds=30)
    assert state["cpu"]["cores"] >= 1
    assert state["memory"]["total"] > state["memory"]["available"] > 0
    assert state["disk"]["free"] > 0
    assert state["process"]["memory_rss"] > 10_000_000
    assert state["versions"]["temporalio"]
    assert {name for name, _ in queues} == {"chat", "media", "sandbox", "background"}
    assert queues["sandbox", "activity"]["pollers"] == []
    assert state["temporal"]["running"]["chat"] >= 0
    assert state["temporal"]["error"] is None


async def test_redis_s_state_tells_figures_and_no_names_of_keys(admin_client, redis):
    await redis.set("secret:canary-key", "canary-value", ex=60)
    answer = await admin_client.get("/admin/monitor/redis")
    assert answer.status_code == 200, answer.text
    state = answer.json()
    assert {"prefix": "secret", "keys": 1} in state["keys_by_prefix"]
    assert state["memory"]["used_memory"] > 0
    assert state["info"]["uptime_in_seconds"] >= 0
    assert {"set", "get"} & {command["command"] for command in state["commands"]}
    assert state["keys"] >= state["keys_scanned"] > 0
    assert "canary" not in json.dumps(state)
    assert "requirepass" not in json.dumps(state)


@pytest.fixture
def admin(admin_client) -> Admin:
    return Admin(admin_client)


async def test_who_is_signed_in_is_listed_and_can_be_signed_out(admin, second_api):
    user = await admin.user()
    async with signed_in(admin.client, user["username"]) as one, signed_in(admin.client, user["username"]) as two:
        found = (await admin.client.get(SESSIONS, params={"user_id": user["id"], "sort": "created_at"})).json()
        assert found["total"] == 2
        assert [item["username"] for item in found["items"]] == [user["username"]] * 2
        async with httpx.AsyncClient(base_url=second_api, headers=one.headers) as elsewhere:
            assert (await elsewhere.get("/admin/sys/users/me")).status_code == 200
            assert (await admin.client.delete(f"{SESSIONS}/{found['items'][0]['id']}")).status_code == 204
            assert (await one.get("/admin/sys/users/me")).status_code == 401

            async def is_out():
                return (await elsewhere.get("/admin/sys/users/me")).status_code == 401

            await until(is_out)
        assert (await two.get("/admin/sys/users/me")).status_code == 200
        assert (await admin.client.delete(f"{SESSIONS}/{found['items'][0]['id']}")).status_code == 404
        assert (await admin.client.get(SESSIONS, params={"keyword": user["username"]})).json()["total"] == 1


async def test_sessions_out_of_reach_are_not_there_and_a_superuser_s_are_not_ended(admin, me):
    theirs = (await admin.client.get(SESSIONS, params={"user_id": me["id"]})).json()["items"][0]["id"]
    permissions = ("monitor:session:list", "monitor:session:delete")
    async with admin.as_user(*permissions, data_scope="self") as (user, client):
        items = (await client.get(SESSIONS)).json()["items"]
        assert {item["user_id"] for item in items} == {user["id"]}
        assert (await client.delete(f"{SESSIONS}/{theirs}")).status_code == 404
    async with admin.as_user(*permissions) as (_, client):
        assert (await client.delete(f"{SESSIONS}/{theirs}")).status_code == 403
    assert PASSWORD not in json.dumps(items)
