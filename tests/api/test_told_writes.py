"""Every writing route for administrators is told to the operation log with who, what, and named fields before and after.

The routes are read from OpenAPI: a new one fails here until it is called. An update is called with every field that its
body may have, all of them other than before: a field that is not told fails too.
"""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from agents_backend.db.tables.users import LoginLog
from agents_backend.domain.redaction import HIDDEN
from agents_backend.settings import Settings
from tests.api.people import PASSWORD, unique, until
from tests.api.test_logs import OPERATIONS, operation_of
from tests.api.test_oauth2 import Browser, configured, running
from tests.conftest import PASSWORD as ADMINS
from tests.fakes.mcp_server import Consenting, FakeMcp
from tests.fakes.oauth_provider import FakeProviders

API = "/api/v1"
# Nobody is known yet when the first two are called: the login log tells of the one, and the other renews what it told of.
# The others are reads, spared because the log would keep what is encoded.
NOT_TOLD = {"login", "refresh_token", "decode_payloads", "encode_payloads"}
# They change nothing that is kept: an archive is made, a browser is sent to a provider, a consent that is awaited is asked for.
CHANGE_NOTHING = {"generate_business", "link_oauth2_account", "authorize_mcp_server"}
# Of a body: what cannot be other than before without another server, and what belongs to a program in a sandbox.
NOT_CHANGED = {"update_mcp_server": {"oauth", "command", "args", "env"}}
# What a log entry must not hold, by the fields' names.
SECRET = {"password", "old_password", "new_password", "headers", "oauth"}


@dataclass
class Writes:
    """Calls routes by their operation ids, and remembers what was there before and after."""

    client: httpx.AsyncClient
    paths: dict[str, tuple[str, str]]
    bodies: dict[str, set[str]]
    expected: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, client: httpx.AsyncClient, document: dict) -> "Writes":
        schemas, found = document["components"]["schemas"], cls(client, {}, {})
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                is_told = path.startswith(f"{API}/admin/") or "x-permission" in operation
                if is_told and method in {"post", "put", "patch", "delete"}:
                    name, content = operation["operationId"], operation.get("requestBody", {}).get("content", {})
                    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
                    found.paths[name] = method.upper(), path
                    found.bodies[name] = set(schemas.get(reference, {}).get("properties", {}))
        return found

    async def __call__(
        self, operation: str, body: dict | None = None, /, *, view: str = "", params: dict | None = None, **ids: object
    ) -> Any:
        """Its answer. `view` is where the fields of what it changes are read."""
        method, path = self.paths[operation]
        url, mark = path.format(**ids), f"{operation[:30]}-{uuid.uuid4().hex[:16]}"
        before = await self._seen(view)
        headers = {"X-Request-Id": mark}
        answer = await self.client.request(method, url, json=body, params=params, headers=headers)
        assert answer.is_success, (operation, answer.text)
        self.expected[mark] = {
            "operation": operation,
            "method": method,
            "path": url,
            "status": answer.status_code,
            "before": before,
            "after": await self._seen(view) if method == "PUT" else {},
            "body": body or {},
        }
        is_json = answer.headers.get("content-type") == "application/json"
        return answer.json() if answer.content and is_json else None

    async def _seen(self, view: str) -> dict[str, Any]:
        return (await self.client.get(f"{API}{view}")).json() if view else {}


@pytest.fixture
async def site(settings: Settings, database) -> AsyncIterator[tuple[Browser, Writes]]:
    """An administrator of an app of its own, which may reach this machine's fakes."""
    async with FakeProviders("http://agents.example") as providers:
        near = settings.agents.model_copy(update={"fetch_allow_loopback": True})
        wanted = configured(settings, providers.url).model_copy(update={"agents": near})
        async with running(wanted) as app, Browser(app) as browser:
            body = {"username": "admin", "password": ADMINS}
            browser.as_user((await browser.post(f"{API}/admin/auth/login", json=body)).json())
            yield browser, Writes.of(browser, app.openapi())


async def _of_people(write: Writes) -> None:
    """Roles, departments, menus, users, sessions and credits."""
    dept = await write("create_dept", {"name": unique("dept")})
    other = await write("create_dept", {"name": unique("dept")})
    await write("update_dept", _changed_dept(other), view=f"/admin/sys/depts/{dept['id']}", dept_id=dept["id"])
    menu = await write("create_menu", _menu())
    above = await write("create_menu", {"type": "directory", "name": unique("m"), "title": "Above"})
    await write("update_menu", _changed_menu(above), view=f"/admin/sys/menus/{menu['id']}", menu_id=menu["id"])
    role = await write("create_role", {"name": unique("role"), "menu_ids": [menu["id"]]})
    change = {"name": unique("role"), "data_scope": "dept", "is_enabled": False, "remark": "Changed."}
    await write("update_role", change, view=f"/admin/sys/roles/{role['id']}", role_id=role["id"])
    await write("set_role_menus", {"menu_ids": []}, role_id=role["id"])
    user = await write("create_user", {"username": unique("user"), "password": PASSWORD})
    view = f"/admin/sys/users/{user['id']}"
    await _of_one_s_own(write, user, view)
    await write("set_superuser", {"is_superuser": True}, view=view, user_id=user["id"])
    await write("reset_password", {"password": f"{PASSWORD}-2"}, user_id=user["id"])
    await write("add_credits", {"user_id": user["id"], "amount": "5", "reason": "A gift."})
    change = {"dept_id": dept["id"], "is_enabled": False, "role_ids": [role["id"]], **_changed_person()}
    await write("update_user", change | {"username": unique("user")}, view=view, user_id=user["id"])
    await write("delete_user", view=view, user_id=user["id"])
    await write("delete_role", view=f"/admin/sys/roles/{role['id']}", role_id=role["id"])
    for made in (menu, above):
        await write("delete_menu", view=f"/admin/sys/menus/{made['id']}", menu_id=made["id"])
    for made in (dept, other):
        await write("delete_dept", view=f"/admin/sys/depts/{made['id']}", dept_id=made["id"])


def _changed_dept(above: dict) -> dict[str, Any]:
    plain = {"name": unique("dept"), "sort": 7, "leader": "Ada", "phone": "1", "email": "a@example.com"}
    return plain | {"parent_id": above["id"], "is_enabled": False}


def _menu() -> dict[str, Any]:
    return {"type": "page", "name": unique("menu"), "title": "Menu", "path": "/menu"}


def _changed_menu(above: dict) -> dict[str, Any]:
    plain = {"name": unique("menu"), "title": "Another", "path": "", "component": "C", "icon": "I", "remark": "R"}
    flags = {"is_visible": False, "is_enabled": False}
    return plain | flags | {"type": "button", "permission": f"told:{unique('a')}", "sort": 3, "parent_id": above["id"]}


def _changed_person() -> dict[str, Any]:
    name = unique("name")
    return {
        "nickname": name,
        "email": f"{name}@example.com",
        "phone": str(uuid.uuid4().int)[:9],
        "avatar": f"https://a.example/{name}",
    }


async def _of_one_s_own(write: Writes, user: dict, view: str) -> None:
    """What everybody may do with themselves, done by the user; an administrator ends another session of theirs."""
    admin = write.client.headers["Authorization"]
    body = {"username": user["username"], "password": PASSWORD}
    login = f"{API}/admin/auth/login"
    another = (await write.client.post(login, json=body)).json()["access_token"]
    signed = (await write.client.get(f"{API}/admin/monitor/sessions", params={"user_id": user["id"]})).json()
    write.client.headers["Authorization"] = f"Bearer {another}"
    me = "/admin/sys/users/me"
    await write("update_me", _changed_person(), view=me)
    await write("update_my_avatar", {"avatar": "https://a.example/mine"}, view=me)
    await write("update_my_nickname", {"nickname": "Mine"}, view=me)
    write.client.headers["Authorization"] = admin
    await write("end_session", session_id=signed["items"][0]["id"])
    tokens = (await write.client.post(login, json=body)).json()
    write.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    change = {"old_password": PASSWORD, "new_password": f"{PASSWORD}-1"}
    tokens = await write("update_my_password", change)
    write.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    await write("logout")
    write.client.headers["Authorization"] = admin


async def _of_generated_code(write: Writes, database) -> None:
    imported, first, second = (f"told{uuid.uuid4().hex[:8]}s" for _ in "abc")
    columns = [{"name": "number", "type": "string", "length": 32}]
    made = await write("create_business", {"table_name": first, "app_name": "shop", "columns": columns})
    change = {
        "table_name": second,
        "app_name": "other",
        "singular": f"one{second[:-1]}",
        "comment": "Changed.",
        "timestamps": False,
        "columns": [{"name": "total", "type": "integer"}],
    }
    view = f"/admin/gen/business/{made['id']}"
    await write("update_business", change, view=view, business_id=made["id"])
    await write("generate_business", business_id=made["id"])
    await write("delete_business", view=view, business_id=made["id"])
    async with database.transaction() as session:
        await session.execute(text(f"create table {imported} (id serial primary key, name varchar(20) not null)"))
    try:
        made = await write("import_business", {"table_name": imported, "app_name": "shop"})
        await write("delete_business", view=f"/admin/gen/business/{made['id']}", business_id=made["id"])
    finally:
        async with database.transaction() as session:
            await session.execute(text(f"drop table {imported}"))


async def _of_logs(write: Writes, database) -> None:
    async with database.transaction() as session:
        rows = [LoginLog(username="gone", succeeded=False, message="") for _ in "abc"]
        session.add_all(rows)
        await session.flush()
        first, second, third = (row.id for row in rows)
    await write("delete_login_log", log_id=first)
    await write("delete_login_logs", params={"ids": [second, third]})
    mark = unique("gone")
    async with database.transaction() as session:
        entries = [operation_of(mark) for _ in "ab"]
        session.add_all(entries)
        await session.flush()
        first, second = (entry.id for entry in entries)
    await write("delete_opera_log", log_id=first)
    await write("delete_opera_logs", params={"ids": [second]})


async def _of_mcp_servers(write: Writes) -> None:
    name = unique("told")
    view = f"/agent/mcp/servers/{name}"
    async with FakeMcp() as new, FakeMcp(sse=True) as old:
        headers = {"X-Key": "canary-of-a-header"}
        await write("create_mcp_server", {"name": name, **new.body, "headers": headers})
        change = {
            **old.body,
            "headers": {"X-Key": "canary-of-another"},
            "timeout_seconds": 7,
            "enabled_tools": ["echo"],
        }
        await write("update_mcp_server", change, view=view, name=name)
        await write("delete_mcp_server", view=view, name=name)
    async with FakeMcp(consenting=Consenting()) as guarded:
        await write("create_mcp_server", {"name": name, "url": guarded.url, "oauth": {}})
        await write("authorize_mcp_server", name=name)
        await write("delete_mcp_server", view=view, name=name)


async def _of_linked_accounts(browser: Browser, write: Writes) -> None:
    await browser.delete(f"{API}/admin/oauth2/github/link")
    begun = await write("link_oauth2_account", provider="github")
    landed = await browser.consent(begun["url"])
    answer = await browser.get(landed, headers={"X-Request-Id": (mark := unique("linked"))})
    assert answer.status_code == 200, answer.text
    path = f"{API}/admin/oauth2/github/callback"
    linked = {"operation": "github_callback", "method": "GET", "path": path, "status": 200}
    write.expected[mark] = linked | {"before": {}, "after": {}, "body": {}}
    await write("unlink_oauth2_account", provider="github")


async def test_every_write_is_told_with_its_named_fields_before_and_after(site, database, me):
    browser, write = site
    await _of_people(write)
    await _of_generated_code(write, database)
    await _of_logs(write, database)
    await _of_mcp_servers(write)
    await _of_linked_accounts(browser, write)
    called = {expected["operation"] for expected in write.expected.values()}
    assert write.paths.keys() - called == NOT_TOLD
    entries = await _entries(browser, write.expected.keys())
    for mark, expected in write.expected.items():
        _check(entries[mark], expected, write.bodies.get(expected["operation"], set()))
    assert "canary-of" not in str(entries)
    assert PASSWORD not in str(entries)


async def _entries(browser: Browser, marks) -> dict[str, dict]:
    found: dict[str, dict] = {}

    async def all_there() -> bool:
        rows = (await browser.get(f"{API}{OPERATIONS}", params={"sort": "-id", "size": 200})).json()["items"]
        found.update({row["request_id"]: row for row in rows})
        return marks <= found.keys()

    try:
        await until(all_there)
    except AssertionError:
        pytest.fail(f"never told: {sorted(marks - found.keys())}")
    return found


def _check(entry: dict, expected: dict[str, Any], fields: set[str]) -> None:
    name = expected["operation"]
    assert {key: entry[key] for key in ("operation", "method", "path", "status")} == {
        key: expected[key] for key in ("operation", "method", "path", "status")
    }
    assert entry["user_id"] > 0, name
    assert entry["username"], name
    if name in CHANGE_NOTHING:
        assert entry["changes"] == [], name
        return
    assert len(entry["changes"]) == 1, entry
    (change,) = entry["changes"]
    assert change["before"] or change["after"], name
    if expected["method"] == "PUT":
        _check_update(name, change, expected, fields)
    elif re.match(r"create_|import_", name):
        assert change["before"] is None, name
        assert change["after"], name
    elif expected["method"] == "DELETE":
        assert change["after"] is None, name
        shared = change["before"].keys() & expected["before"].keys() - SECRET
        assert {key: change["before"][key] for key in shared} == {key: expected["before"][key] for key in shared}, name


def _check_update(name: str, change: dict, expected: dict[str, Any], fields: set[str]) -> None:
    wanted = fields - NOT_CHANGED.get(name, set())
    assert expected["body"].keys() == wanted, name
    told = {"password"} if "password" in name else wanted
    assert change["before"].keys() == change["after"].keys() == told, name
    for key in told & SECRET:
        assert change["before"][key] == change["after"][key] == HIDDEN, name
    for key in told & expected["before"].keys() - SECRET:
        assert change["before"][key] == expected["before"][key] != expected["after"][key] == change["after"][key], key
    for key in told - expected["before"].keys() - SECRET:
        assert change["before"][key] != change["after"][key] == expected["body"][key], key
