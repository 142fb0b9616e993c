"""Statements of each read are counted: a list takes few, and no more when there are more rows."""

import httpx
import pytest
from sqlalchemy import event

from api.app import create_app
from tests.api.people import Admin

MOST = 4  # three, and the caller's rights, which are kept for half a second otherwise
# They ask no list of PostgreSQL.
OTHERS = {"/health", "/health/ready", "/health/live"}


class Counted:
    """A client of an app of its own, and how many statements its last request took. Nothing is kept between requests."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.statements = client, []

    async def get(self, url: str, **params) -> int:
        self.statements.clear()
        answer = await self.client.get(url, params=params)
        assert answer.status_code < 500, answer.text
        return len(self.statements)


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


async def test_no_read_takes_more_statements_when_there_are_more_rows(counted, admin_client):
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


async def test_who_acts_and_what_they_may_do_is_one_statement_and_kept(settings, counted, admin_client):
    asked, _ = counted
    assert await asked.get("/admin/sys/users/me") == 1
    admin = Admin(admin_client)
    async with admin.as_user("sys:user:list", "sys:role:list") as (_, client):
        headers = dict(client.headers)
        asked.client.headers["Authorization"] = headers["authorization"]
        assert await asked.get("/admin/sys/users") == 2
