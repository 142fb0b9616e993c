"""Two users and every id: somebody else's thing is answered exactly as one that does not exist, and nothing happens to it.

The routes are read from OpenAPI: a new route with an id in its path fails here until `ids` says whose it is.
"""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from agents_backend.domain.permissions import PERMISSIONS
from api.app import create_app
from tests.api.people import Admin
from tests.api.test_bodies import bodies, walk
from tests.sandboxes.test_owners import calls
from tests.schedulers import never
from tests.streams import chat, rejoin

# Routes whose ids belong to no user: the deployment's own things, guarded by permissions instead.
SHARED = re.compile(r"^/api/v1/(admin|agent/ag-ui|agent/mcp)/")
# Sandboxes need a host: tests/sandboxes/test_owners.py does the same for what is called there. A signed link is its own key.
SANDBOXES = "/api/v1/agent/sandboxes"
ELSEWHERE = re.compile(rf"^({SANDBOXES}|/api/v1/agent/artifacts)/")
# Names that the sender chooses, and a client's own at its authorization server.
NAMES_NOTHING = re.compile(r"messages\.\*\.id$|client_id$|session_id$")
BODIES = {
    "update_custom_mcp_server": {"url": "https://example.com/mcp"},
    "resume_run": {"decision": "approve"},
    "update_scheduler": {"name": "taken"},
    "backfill_scheduler": {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"},
}


async def waiting_run(owner: httpx.AsyncClient) -> dict[str, str]:
    response, _ = await chat(owner, 'mine [tool:ask_human {"question": "Mine?"}]')
    return {"run_id": response.headers["X-Run-Id"], "thread_id": response.headers["X-Thread-Id"]}


async def scheduler(owner: httpx.AsyncClient) -> dict[str, str]:
    answer = await owner.post("/task/schedulers", json=never())
    return {"scheduler_id": answer.json()["id"]}


async def artifact(owner: httpx.AsyncClient) -> dict[str, str]:
    answer = await owner.post("/agent/tts/synthesize", json={"text": "Mine."}, headers={"Prefer": "respond-async"})
    run_id = answer.json()["id"]
    await rejoin(owner, run_id)
    (made,) = (await owner.get(f"/agent/runs/{run_id}")).json()["artifacts"]
    return {"get_artifact.run_id": run_id, "name": made["name"]}


async def resource(owner: httpx.AsyncClient) -> dict[str, str]:
    answer = await owner.post("/agent/rag/resources", json={"title": "Mine", "text": "Mine alone."}, timeout=150)
    return {"resource_id": answer.json()["id"]}


async def codex(owner: httpx.AsyncClient) -> dict[str, str]:
    """Servers of one's own need a server to connect to: tests/mcp has the same for them."""
    await owner.post("/agent/user-settings/mcp/codex", json={"apikey": "sk-mine"})
    own = {f"{operation}.name": "mine" for operation in ("update_custom_mcp_server", "authorize_custom_mcp_server")}
    return {"tool_type": "codex", **own}


async def staged_file(owner: httpx.AsyncClient) -> dict[str, str]:
    answer = await owner.post("/agent/files/upload", files={"file": ("mine.txt", b"mine")})
    return {"file_id": answer.json()["id"]}


# What makes the owner's things, by the names that the paths' parameters have, with the operation before it where one differs.
MAKERS: tuple[Callable[[httpx.AsyncClient], Awaitable[dict[str, str]]], ...] = (
    waiting_run,
    scheduler,
    artifact,
    resource,
    staged_file,
    codex,
)


@pytest.fixture
async def ids(client: httpx.AsyncClient) -> AsyncIterator[dict[str, str]]:
    found: dict[str, str] = {}
    for make in MAKERS:
        found |= await make(client)
    yield found
    await client.post(f"/agent/runs/{found['run_id']}/cancel")


def operations(settings) -> list[tuple[str, str, str]]:
    """Method, path and operation id of every route with an id of somebody's."""
    paths = create_app(settings).openapi()["paths"]
    return [
        (method, path, operation["operationId"])
        for path, methods in paths.items()
        if "{" in path and not SHARED.match(path) and not ELSEWHERE.match(path)
        for method, operation in methods.items()
    ]


def address(path: str, operation: str, ids: dict[str, str]) -> str:
    found = re.sub(r"\{(\w+)\}", lambda match: ids.get(f"{operation}.{match[1]}", ids[match[1]]), path)
    return found.removeprefix("/api/v1")


async def test_somebody_else_s_thing_is_like_none_at_all(client, other_client, ids, settings):
    missing = {name: str(uuid.uuid4()) for name in ids}
    checked = 0
    for method, path, operation in operations(settings):
        unknown = set(re.findall(r"\{(\w+)\}", path)) - ids.keys()
        assert not unknown, f"{operation}: say in this file whose {', '.join(unknown)} is"
        body = {"json": BODIES[operation]} if operation in BODIES else {}
        theirs = await other_client.request(method, address(path, operation, ids), **body)
        none = await other_client.request(method, address(path, operation, missing), **body)
        assert theirs.status_code == none.status_code == 404, (operation, theirs.text, none.text)
        same = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in (theirs, none)]
        assert same[0] == same[1], operation
        checked += 1
    assert checked >= 7
    assert (await client.get(f"/agent/runs/{ids['run_id']}")).json()["status"] == "waiting"
    assert (await client.get(f"/agent/threads/{ids['thread_id']}")).status_code == 200
    assert (await client.get(f"/task/schedulers/{ids['scheduler_id']}")).json()["version"] == 1
    assert (await client.get(f"/agent/rag/resources/{ids['resource_id']}")).json()["status"] == "ready"
    assert (await client.get(f"/agent/files/{ids['file_id']}")).status_code == 200


async def test_every_call_that_takes_a_sandbox_s_id_is_made_by_a_stranger(settings):
    made = {(method, f"/api/v1{url.partition('?')[0]}") for method, url, _ in calls("sbx_1", "cmd_1", "1")}
    made.add(("POST", f"{SANDBOXES}/upload-file"))  # a form, sent beside them
    ids = {"sandbox_id": "sbx_1", "command_id": "cmd_1", "slide_id": "1"}
    paths = create_app(settings).openapi()["paths"]
    taking = {
        (method.upper(), path.format(**ids))
        for path, methods in paths.items()
        if path.startswith(f"{SANDBOXES}/")
        for method in methods
    }
    assert taking == made


def ids_in_bodies(settings) -> dict[str, tuple[str, str]]:
    """Method and path of each field of a body that names something, but the administrators' and those of sandboxes."""
    document = create_app(settings).openapi()
    return {
        f"{name}{found.place}": (method, path.removeprefix("/api/v1"))
        for name, method, path, schema in bodies(document)
        if not SHARED.match(path)
        and not ELSEWHERE.match(path)
        and path != SANDBOXES
        and "x-permission" not in document["paths"][path][method]
        for found in walk(document, schema)
        if re.search(r"(^|[._])(ids?|uri)$", found.place) and not NAMES_NOTHING.search(found.place)
    }


def naming(field: str, ids: dict[str, str]) -> dict[str, Any]:
    """A body whose field names a thing of the owner."""
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "yes"}]}
    resources = [{"uri": f"rag://{ids['resource_id']}", "title": "Mine"}]
    return {
        "thread_id": {**asked, "thread_id": ids["thread_id"]},
        "interrupt_id": {"thread_id": ids["thread_id"], "resume": [{"interrupt_id": "x", "status": "resolved"}]},
        "file_ids": {**asked, "file_ids": [ids["file_id"]]},
        "uri": {"query": "x", "resources": resources}
        if field.startswith("search")
        else {**asked, "resources": resources},
    }[field.rpartition(".")[2]]


async def test_somebody_else_s_thing_in_a_body_is_like_none_at_all(client, other_client, ids, settings):
    fields = ids_in_bodies(settings)
    assert len(fields) >= 9
    missing = {name: str(uuid.uuid4()) for name in ids}
    for field, (method, url) in fields.items():
        theirs = await other_client.request(method, url, json=naming(field, ids))
        none = await other_client.request(method, url, json=naming(field, missing))
        assert theirs.status_code == none.status_code == 404, (field, theirs.text, none.text)
        assert theirs.json()["code"] == none.json()["code"], field
    assert (await client.get(f"/agent/runs/{ids['run_id']}")).json()["status"] == "waiting"


# What an administrator needs to be told of, by those whose data scope reaches no further than themselves.
IN_REACH = re.compile(r"\{(user_id|session_id)\}")


async def test_who_is_out_of_an_administrator_s_reach_is_like_nobody_at_all(admin_client, settings, me):
    admin = Admin(admin_client)
    async with admin.as_user() as (user, _), admin.as_user(*PERMISSIONS, data_scope="self") as (_, near):
        found = {"user_id": user["id"]}
        sessions = await admin.client.get("/admin/monitor/sessions", params=found)
        ids = {**found, "session_id": sessions.json()["items"][0]["id"]}
        missing = {"user_id": 2147483646, "session_id": str(uuid.uuid4())}
        paths = create_app(settings).openapi()["paths"]
        reaching = [
            (path, method)
            for path, methods in paths.items()
            if IN_REACH.search(path)
            for method, operation in methods.items()
            if operation["operationId"] != "set_superuser"  # a superuser's alone, whose reach has no end
        ]
        assert len(reaching) >= 5
        for path, method in reaching:
            body = {"password": "another-long-one-7"} if path.endswith("password") else {"nickname": "x"}
            theirs, none = [
                await near.request(method, path.removeprefix("/api/v1").format(**those), json=body)
                for those in (ids, missing)
            ]
            assert theirs.status_code == none.status_code == 404, (method, path, theirs.text, none.text)
            assert theirs.json()["code"] == none.json()["code"], path
        for key in (ids["user_id"], missing["user_id"]):
            gift = await near.post("/agent/credits/add", json={"user_id": key, "amount": "1", "reason": "x"})
            assert gift.status_code == 404, gift.text
        left = (await admin.client.get(f"/admin/sys/users/{user['id']}")).json()
        assert {**left, "last_login_at": None} == {**user, "last_login_at": None}


async def test_lists_hold_one_s_own_things_alone(client, other_client, ids):
    lists = ("/agent/runs", "/agent/threads", "/task/schedulers", "/agent/files", "/agent/credits/usage")
    for path in (*lists, "/agent/rag/resources"):
        mine, theirs = [
            {item.get("id") or item["run_id"] for item in (await asked.get(path, params={"size": 200})).json()["items"]}
            for asked in (client, other_client)
        ]
        assert not mine & theirs
    assert (await other_client.get("/agent/runs", params={"thread_id": ids["thread_id"]})).json()["items"] == []


async def test_a_name_that_another_user_chose_for_a_thread_is_still_free(client, other_client):
    mine, _ = await chat(client, "[say=mine]", thread_id="our name")
    theirs, _ = await chat(other_client, "[say=theirs]", thread_id="our name")
    assert mine.headers["X-Run-Id"] != theirs.headers["X-Run-Id"]
    said = (await other_client.get("/agent/threads/our%20name/messages")).json()["items"]
    assert [m["content"] for m in said] == ["[say=theirs]", "theirs"]
    assert (await other_client.delete("/agent/threads/our%20name")).status_code == 204
    assert (await client.get("/agent/threads/our%20name")).status_code == 200
    await client.delete("/agent/threads/our%20name")
