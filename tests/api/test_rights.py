"""Roles, departments and menus: trees without circles, nothing removed that is in use, nobody above themselves."""

import asyncio

import pytest

from agents_backend.services.seeds import seed
from tests.api.people import Admin, unique

ROLES, DEPTS, MENUS = "/admin/sys/roles", "/admin/sys/depts", "/admin/sys/menus"
ABSENT = 2**31 - 2


@pytest.fixture
def admin(admin_client) -> Admin:
    return Admin(admin_client)


def flat(nodes: list[dict]) -> dict[int, dict]:
    return {key: node for top in nodes for key, node in [(top["id"], top), *flat(top["children"]).items()]}


async def menu(admin: Admin, parent: dict | None = None, **more) -> dict:
    body = {"type": "page", "name": unique("menu"), "title": "A page", "parent_id": parent and parent["id"], **more}
    return await admin.post(MENUS, **body)


async def test_the_first_start_makes_two_roles_and_completing_it_again_changes_nothing(admin, database, settings):
    roles = {role["name"]: role for role in (await admin.client.get(f"{ROLES}/all")).json()}
    assert {"administrator", "user"} <= roles.keys()
    everything = (await admin.client.get(f"{ROLES}/{roles['administrator']['id']}/menus")).json()
    before = (await admin.client.get(MENUS)).json()
    assert {item["id"] for item in everything} <= flat(before).keys()
    assert await seed(database, settings) is None
    assert (await admin.client.get(MENUS)).json() == before
    assert (await admin.client.get(f"{ROLES}/{roles['user']['id']}/menus")).json() == []


async def test_a_role_is_added_found_changed_and_deleted_unless_somebody_has_it(admin):
    role = await admin.role("sys:user:list")
    path = f"{ROLES}/{role['id']}"
    assert (await admin.client.get(path)).json() == role
    found = (await admin.client.get(ROLES, params={"name": role["name"], "sort": "-name"})).json()
    assert (found["total"], found["items"]) == (1, [role])
    taken = await admin.client.post(ROLES, json={"name": role["name"].upper()})
    assert (taken.status_code, taken.json()["code"]) == (409, "ROLE_NAME_TAKEN")
    changed = await admin.client.put(path, json={"remark": "changed", "data_scope": "dept"})
    assert (changed.json()["remark"], changed.json()["data_scope"], changed.json()["name"]) == (
        "changed",
        "dept",
        role["name"],
    )
    user = await admin.user(role)
    held = await admin.client.delete(path)
    assert (held.status_code, held.json()["code"]) == (409, "ROLE_IN_USE")
    await admin.client.put(f"/admin/sys/users/{user['id']}", json={"role_ids": []})
    assert (await admin.client.delete(path)).status_code == 204
    assert (await admin.client.get(path)).status_code == 404
    assert (await admin.client.get(ROLES, params={"sort": "remark"})).status_code == 400


async def test_a_role_s_menus_are_replaced_as_a_whole(admin):
    role = await admin.role("sys:user:list", "sys:user:add")
    path, ids = f"{ROLES}/{role['id']}/menus", await admin.menu_ids("sys:dept:list")
    assert len((await admin.client.get(path)).json()) == 2
    answer = await admin.client.put(path, json={"menu_ids": ids})
    assert [item["permission"] for item in answer.json()] == ["sys:dept:list"]
    assert (await admin.client.put(path, json={"menu_ids": [ABSENT]})).status_code == 400
    assert [item["id"] for item in (await admin.client.get(path)).json()] == ids
    assert (await admin.client.get(f"{ROLES}/{ABSENT}/menus")).status_code == 404


async def test_nobody_makes_or_changes_a_role_above_themselves(admin):
    permissions = ("sys:role:add", "sys:role:edit", "sys:role:grant", "sys:role:delete")
    strong, wide = await admin.role("sys:user:delete"), await admin.role(data_scope="all")
    more = await admin.menu_ids("sys:user:delete")
    dept = await admin.dept()
    async with admin.as_user(*permissions, data_scope="dept", dept_id=dept["id"]) as (user, client):
        own = f"{ROLES}/{user['roles'][0]['id']}"
        assert (await client.put(f"{own}/menus", json={"menu_ids": more})).status_code == 403
        assert (await client.put(own, json={"data_scope": "all"})).status_code == 403
        assert (await client.post(ROLES, json={"name": unique("r"), "menu_ids": more})).status_code == 403
        assert (await client.post(ROLES, json={"name": unique("r"), "data_scope": "all"})).status_code == 403
        for other in (strong, wide):
            assert (await client.put(f"{ROLES}/{other['id']}", json={"remark": "x"})).status_code == 403
            assert (await client.delete(f"{ROLES}/{other['id']}")).status_code == 403
        assert (await client.post(ROLES, json={"name": unique("r"), "data_scope": "self"})).status_code == 201


async def test_departments_are_a_tree_without_circles(admin):
    top = await admin.dept()
    middle = await admin.dept(top)
    bottom = await admin.dept(middle)
    nodes = flat((await admin.client.get(DEPTS)).json())
    assert [child["id"] for child in nodes[top["id"]]["children"]] == [middle["id"]]
    for below in (top, middle, bottom):
        circle = await admin.client.put(f"{DEPTS}/{top['id']}", json={"parent_id": below["id"]})
        assert (circle.status_code, circle.json()["code"]) == (400, "VALIDATION_ERROR")
    assert (await admin.client.put(f"{DEPTS}/{top['id']}", json={"parent_id": ABSENT})).status_code == 400
    moved = await admin.client.put(f"{DEPTS}/{bottom['id']}", json={"parent_id": top["id"]})
    assert moved.json()["parent_id"] == top["id"]
    assert (await admin.client.put(f"{DEPTS}/{bottom['id']}", json={"parent_id": None})).json()["parent_id"] is None
    same = await admin.client.post(DEPTS, json={"name": middle["name"], "parent_id": top["id"]})
    assert (same.status_code, same.json()["code"]) == (409, "DEPT_NAME_TAKEN")
    assert (await admin.client.get(f"{DEPTS}/{middle['id']}")).json()["name"] == middle["name"]
    filtered = (await admin.client.get(DEPTS, params={"name": middle["name"]})).json()
    assert [node["id"] for node in filtered] == [middle["id"]]


async def test_two_moves_at_once_make_no_circle(admin):
    for _ in range(5):
        one, two = await admin.dept(), await admin.dept()
        answers = await asyncio.gather(
            admin.client.put(f"{DEPTS}/{one['id']}", json={"parent_id": two["id"]}),
            admin.client.put(f"{DEPTS}/{two['id']}", json={"parent_id": one["id"]}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_a_tree_is_bounded_in_depth(admin):
    at = None
    for _ in range(20):
        at = await admin.dept(at)
    assert (await admin.client.post(DEPTS, json={"name": "x", "parent_id": at["id"]})).status_code == 400


async def test_a_department_with_people_or_departments_stays(admin):
    top = await admin.dept()
    below = await admin.dept(top)
    user = await admin.user(dept_id=below["id"])
    answer = await admin.client.delete(f"{DEPTS}/{top['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "DEPT_HAS_CHILDREN")
    answer = await admin.client.delete(f"{DEPTS}/{below['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "DEPT_HAS_PEOPLE")
    await admin.client.delete(f"/admin/sys/users/{user['id']}")
    assert (await admin.client.delete(f"{DEPTS}/{below['id']}")).status_code == 204
    assert (await admin.client.delete(f"{DEPTS}/{top['id']}")).status_code == 204
    assert (await admin.client.delete(f"{DEPTS}/{top['id']}")).status_code == 404


async def test_menus_are_a_tree_and_one_with_children_stays(admin):
    top = await menu(admin, type="directory")
    page = await menu(admin, top)
    permission = f"shop:{unique('order')}"
    button = await menu(admin, page, type="button", permission=permission)
    nodes = flat((await admin.client.get(MENUS)).json())
    assert nodes[page["id"]]["children"][0]["permission"] == permission
    assert (await admin.client.put(f"{MENUS}/{top['id']}", json={"parent_id": button["id"]})).status_code == 400
    answer = await admin.client.delete(f"{MENUS}/{page['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "MENU_HAS_CHILDREN")
    named = await admin.client.post(MENUS, json={"type": "page", "name": page["name"], "title": "x"})
    assert (named.status_code, named.json()["code"]) == (409, "MENU_NAME_TAKEN")
    body = {"type": "button", "name": unique("m"), "title": "x"}
    taken = await admin.client.post(MENUS, json={**body, "permission": permission})
    assert (taken.status_code, taken.json()["code"]) == (409, "PERMISSION_TAKEN")
    assert (await admin.client.post(MENUS, json=body)).status_code == 400  # a button without a permission
    on_page = await admin.client.put(f"{MENUS}/{page['id']}", json={"permission": f"{permission}x"})
    assert on_page.status_code == 400
    for gone in (button, page, top):
        assert (await admin.client.delete(f"{MENUS}/{gone['id']}")).status_code == 204


async def test_nobody_writes_a_permission_that_they_do_not_hold_into_a_menu(admin):
    page = await menu(admin)
    async with admin.as_user("sys:menu:add", "sys:menu:edit", "sys:menu:delete") as (_, client):
        body = {"type": "button", "name": unique("m"), "title": "x", "permission": f"new:{unique('right')}"}
        assert (await client.post(MENUS, json=body)).status_code == 403
        (theirs,) = await admin.menu_ids("sys:user:delete")
        assert (await client.put(f"{MENUS}/{theirs}", json={"title": "x"})).status_code == 403
        assert (await client.delete(f"{MENUS}/{theirs}")).status_code == 403
        changed = {"type": "button", "permission": f"other:{unique('right')}"}
        assert (await client.put(f"{MENUS}/{page['id']}", json=changed)).status_code == 403
        assert (await client.put(f"{MENUS}/{page['id']}", json={"title": "Renamed"})).status_code == 200
    await admin.client.delete(f"{MENUS}/{page['id']}")


async def test_the_sidebar_holds_what_one_s_roles_open_and_what_stands_above_it(admin):
    top = await menu(admin, type="directory")
    mine, other = await menu(admin, top), await menu(admin, top)
    hidden = await menu(admin, top, is_visible=False)
    role = await admin.post(ROLES, name=unique("role"), menu_ids=[mine["id"], hidden["id"]])
    async with admin.as_user("sys:user:list") as (user, client):
        assert (await client.get(f"{MENUS}/sidebar")).json() == []  # a button alone opens no page
        await admin.client.put(f"/admin/sys/users/{user['id']}", json={"role_ids": [role["id"]]})
        sidebar = (await client.get(f"{MENUS}/sidebar")).json()
        assert [node["id"] for node in sidebar] == [top["id"]]
        assert [node["id"] for node in sidebar[0]["children"]] == [mine["id"]]
    everything = flat((await admin.client.get(f"{MENUS}/sidebar")).json())
    assert {top["id"], mine["id"], other["id"]} <= everything.keys()
    assert not {"button"} & {node["type"] for node in everything.values()}
    for gone in (mine, other, hidden, top):
        assert (await admin.client.delete(f"{MENUS}/{gone['id']}")).status_code == 204
