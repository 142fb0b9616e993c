"""Statements of each read are counted: a list takes few, and no more when there are more rows.

The routes are read from OpenAPI. A new list fails here until `one_more` makes it longer.
"""

from typing import Any

import httpx
import pytest
from sqlalchemy import event

from agents_backend.domain.permissions import PERMISSIONS
from agents_backend.services.vault import Vault
from api.app import create_app
from tests.api.people import Admin
from tests.api.rows import Place, one_more, some_place

MOST = 4  # three, and the caller's rights, which are kept for half a second otherwise
MANY = 12
# They ask no list of PostgreSQL.
OTHERS = {"/health", "/health/ready", "/health/live"}
# Lists of something else: of this version's code, of the vendor's voices, of a sandbox's disk.
NOT_OF_ROWS = {"list_registered_tasks", "list_voices", "list_sandbox_folder"}
# Sums have a row for each of what they are asked for.
ASKED = {"sum_credit_usage": {"by": "model"}}
# Nobody has more links than there are providers.
MOST_ROWS = {"list_oauth2_links": 2}
# One thing that shows lists of others.
WHOLE = {"get_run"}


class Counted:
    """A client of an app of its own, and how many statements its last request took. Nothing is kept between requests."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.statements = client, []

    async def get(self, url: str, **params) -> int:
        self.statements.clear()
        answer = await self.client.get(url, params=params)
        assert answer.status_code < 500, answer.text
        return len(self.statements)

    async def read(self, url: str, **params) -> tuple[int, Any]:
        """How many statements it took, and what was read."""
        self.statements.clear()
        answer = await self.client.get(url, params=params)
        assert answer.status_code == 200, (url, answer.text)
        return len(self.statements), answer.json()


@pytest.fixture
async def counted(settings, token):
    auth = settings.auth.model_copy(update={"session_cache_seconds": 0})
    app = create_app(settings.model_copy(update={"auth": auth}))
    transport, headers = httpx.ASGITransport(app), {"Authorization": f"Bearer {token}"}
    base_url = "http://t/api/v1"
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as client,
    ):
        found = Counted(client)
        engine = app.state.services.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *given: found.statements.append(given[2]))
        yield found, app.openapi()


def reads(document) -> list[str]:
    """The GET routes without ids in their path."""
    return [
        path
        for path, operations in document["paths"].items()
        if "get" in operations
        and "{" not in path
        and path not in OTHERS
        and not any(parameter.get("required") for parameter in operations["get"].get("parameters", ()))
    ]


async def test_no_read_takes_more_statements_when_there_are_more_people(counted, admin_client):
    asked, document = counted
    paths = [path.removeprefix("/api/v1") for path in reads(document) if path.startswith("/api/v1/")]
    assert "/admin/sys/users" in paths
    admin = Admin(admin_client)
    before = {path: await asked.get(path) for path in paths}
    for path, count in before.items():
        assert count <= MOST, (path, asked.statements)
    for _ in range(4):
        dept = await admin.dept()
        role = await admin.role("sys:user:list", "sys:role:list")
        await admin.user(role, await admin.role(), dept_id=dept["id"])
    assert {path: await asked.get(path) for path in paths} == before


def lists(document: dict[str, Any], place: Place) -> dict[str, str]:
    """The address of each list that is made of rows, by operation id."""
    return {
        operation["operationId"]: path.removeprefix("/api/v1").format(**vars(place))
        for path, operations in document["paths"].items()
        if (operation := operations.get("get"))
        and (_is_list(operation) or operation["operationId"] in WHOLE)
        and operation["operationId"] not in NOT_OF_ROWS
    }


def _is_list(operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return schema.get("type") == "array" or "/Page_" in schema.get("$ref", "")


def _rows(found: Any) -> int:
    if isinstance(found, list):
        return len(found)
    return found["total"] if "total" in found else len(found["artifacts"])


async def test_every_list_takes_as_few_statements_for_many_rows_as_for_one(counted, database, settings, admin_client):
    asked, document = counted
    vault = Vault(settings.vault)
    async with Admin(admin_client).as_user(*PERMISSIONS) as (user, client):
        asked.client.headers["Authorization"] = client.headers["Authorization"]
        async with database.transaction() as session:
            place = await some_place(session, user["id"])
            await one_more(session, place, 0, vault)
        paths = lists(document, place)
        assert len(paths) > 25
        few = {name: await asked.read(paths[name], size=200, **ASKED.get(name, {})) for name in paths}
        async with database.transaction() as session:
            for number in range(1, MANY):
                await one_more(session, place, number, vault)
        for name, (statements, found) in few.items():
            again, more = await asked.read(paths[name], size=200, **ASKED.get(name, {}))
            assert again == statements <= MOST, (name, asked.statements)
            assert _rows(more) >= MOST_ROWS.get(name, _rows(found) + MANY - 1), (name, _rows(found))


async def test_who_acts_and_what_they_may_do_is_one_statement_and_kept(settings, counted, admin_client):
    asked, _ = counted
    assert await asked.get("/admin/sys/users/me") == 1
    admin = Admin(admin_client)
    async with admin.as_user("sys:user:list", "sys:role:list") as (_, client):
        headers = dict(client.headers)
        asked.client.headers["Authorization"] = headers["authorization"]
        assert await asked.get("/admin/sys/users") == 2
