"""Every admin route names its permission, and holds to it. Generated from OpenAPI: a new route is covered by being there."""

import pytest

from agents_backend.domain.permissions import PERMISSIONS
from agents_backend.services.tasks import TASKS
from api.app import create_app
from tests.api.people import Admin

# What a permission would not protect: signing in, and what everybody may do with themselves.
OPEN = {
    ("post", "/api/v1/admin/auth/login"),
    ("post", "/api/v1/admin/auth/token/refresh"),
    ("get", "/api/v1/admin/auth/captcha"),
    ("get", "/api/v1/admin/oauth2/providers"),
    ("get", "/api/v1/admin/oauth2/github/authorize"),
    ("get", "/api/v1/admin/oauth2/github/callback"),
    ("get", "/api/v1/admin/oauth2/google/authorize"),
    ("get", "/api/v1/admin/oauth2/google/callback"),
}
FOR_ANYBODY = {
    ("post", "/api/v1/admin/auth/logout"),
    ("get", "/api/v1/admin/sys/users/me"),
    ("put", "/api/v1/admin/sys/users/me"),
    ("put", "/api/v1/admin/sys/users/me/avatar"),
    ("put", "/api/v1/admin/sys/users/me/nickname"),
    ("put", "/api/v1/admin/sys/users/me/password"),
    ("get", "/api/v1/admin/sys/menus/sidebar"),
    ("get", "/api/v1/admin/oauth2/links"),
    ("post", "/api/v1/admin/oauth2/{provider}/link"),
    ("delete", "/api/v1/admin/oauth2/{provider}/link"),
}


@pytest.fixture(scope="module")
def operations(settings):
    document = create_app(settings).openapi()
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _concrete(path: str) -> str:
    """The path with ids that are valid and are nobody's."""
    parts = path.removeprefix("/api/v1").split("/")
    return "/".join("2147483646" if part.startswith("{") else part for part in parts)


async def test_every_admin_route_names_a_permission_or_is_on_the_list(operations):
    admin = {key for key in operations if key[1].startswith("/api/v1/admin/")}
    named = {key for key in operations if "x-permission" in operations[key]}
    assert admin - named == (OPEN | FOR_ANYBODY) & admin
    assert admin >= OPEN | FOR_ANYBODY


async def test_every_permission_of_the_catalogue_is_some_routes_or_tasks_and_stands_in_the_menus(
    operations, admin_client
):
    routes = {operation["x-permission"] for operation in operations.values() if "x-permission" in operation}
    assert routes | {task.permission for task in TASKS.values() if task.permission} == PERMISSIONS
    admin = Admin(admin_client)
    assert len(set(await admin.menu_ids(*PERMISSIONS))) == len(PERMISSIONS)


async def test_every_route_that_names_a_permission_says_401_and_403(operations):
    for key, operation in operations.items():
        if "x-permission" in operation:
            assert {"401", "403"} <= operation["responses"].keys(), key
            assert operation["security"], key


async def test_each_route_is_401_for_nobody_403_without_its_right_and_neither_with_it(operations, admin_client):
    admin = Admin(admin_client)
    guarded = [(key, operation["x-permission"]) for key, operation in operations.items() if "x-permission" in operation]
    assert guarded
    async with admin.as_user(*PERMISSIONS) as (_, holder), admin.as_user() as (_, plain):
        before = await _state(admin)
        for (method, path), _ in guarded:
            url = _concrete(path)
            anonymous = await admin.client.request(method, url, json={}, headers={"Authorization": ""})
            assert anonymous.status_code == 401, (method, path)
            assert anonymous.headers["WWW-Authenticate"] == "Bearer"
            assert (await plain.request(method, url, json={})).status_code == 403, (method, path)
        assert await _state(admin) == before
        for (method, path), _ in guarded:
            answer = await holder.request(method, _concrete(path), json={})
            assert answer.status_code not in {401, 403}, (method, path, answer.text)
            assert answer.status_code < 500, (method, path, answer.text)


async def test_a_right_to_one_thing_is_no_right_to_another(operations, admin_client):
    admin = Admin(admin_client)
    guarded = [(key, operation["x-permission"]) for key, operation in operations.items() if "x-permission" in operation]
    held = "sys:dept:list"
    async with admin.as_user(held) as (_, client):
        for (method, path), permission in guarded:
            answer = await client.request(method, _concrete(path), json={})
            assert (answer.status_code == 403) == (permission != held), (method, path)


async def _state(admin: Admin) -> list:
    """The rows that guarded routes could change; signing in changes users, so these are counted."""
    trees = [(await admin.client.get(f"/admin/sys/{name}?size=200")).json() for name in ("roles", "depts", "menus")]
    return [*trees, (await admin.client.get("/admin/sys/users")).json()["total"]]
