"""People: administrators' work on them, and their own on themselves."""

import asyncio

import httpx
import pytest

from tests.api.people import LOGIN, PASSWORD, Admin, from_somewhere, signed_in, unique, until

USERS = "/admin/sys/users"


@pytest.fixture
def admin(admin_client) -> Admin:
    return Admin(admin_client)


async def test_a_user_is_added_found_changed_and_deleted(admin):
    role, dept = await admin.role(), await admin.dept()
    name = unique("ada")
    answer = await admin.client.post(
        USERS, json={"username": name, "password": PASSWORD, "dept_id": dept["id"], "role_ids": [role["id"]]}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"] == f"/api/v1{USERS}/{made['id']}"
    assert (made["nickname"], made["dept_name"], made["roles"][0]["name"]) == (name, dept["name"], role["name"])
    listed = (await admin.client.get(USERS, params={"keyword": name})).json()
    assert (listed["total"], listed["total_pages"], listed["items"]) == (1, 1, [made])
    changed = await admin.client.put(f"{USERS}/{made['id']}", json={"nickname": "Ada", "role_ids": []})
    assert (changed.json()["nickname"], changed.json()["roles"], changed.json()["username"]) == ("Ada", [], name)
    assert (await admin.client.delete(f"{USERS}/{made['id']}")).status_code == 204
    assert (await admin.client.get(f"{USERS}/{made['id']}")).status_code == 404
    assert (await admin.client.delete(f"{USERS}/{made['id']}")).status_code == 404
    await admin.post(USERS, username=name, password=PASSWORD)  # the name is free again


async def test_lists_are_filtered_sorted_and_bounded(admin):
    dept = await admin.dept()
    below = await admin.dept(dept)
    mark = unique("mark")
    role = await admin.role()
    for letter, where in (("b", dept), ("a", below), ("c", below)):
        await admin.user(role, username=f"{letter}-{mark}", dept_id=where["id"])
    await admin.user(username=f"d-{mark}", is_enabled=False)

    async def names(**params):
        answer = await admin.client.get(USERS, params={"keyword": mark, **params})
        assert answer.status_code == 200, answer.text
        return "".join(item["username"][0] for item in answer.json()["items"])

    assert await names() == "bacd"
    assert await names(sort="username") == "abcd"
    assert await names(sort="-username", size=2, page=2) == "ba"
    assert await names(sort="is_enabled,-id") == "dcab"
    assert await names(dept_id=dept["id"]) == "bac"
    assert await names(dept_id=below["id"]) == "ac"
    assert await names(role_id=role["id"]) == "bac"
    assert await names(is_enabled=False) == "d"
    assert await names(created_from="2000-01-01T00:00:00Z") == "bacd"
    assert await names(created_to="2000-01-01T00:00:00Z") == ""
    assert await names(keyword="%") == ""
    for wrong in ({"sort": "password_hash"}, {"sort": "id;drop"}, {"size": 201}, {"size": 0}, {"page": 0}):
        answer = await admin.client.get(USERS, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_names_are_unique_whatever_their_case(admin):
    user = await admin.user()
    again = await admin.client.post(USERS, json={"username": user["username"].upper(), "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (409, "USERNAME_TAKEN")
    other = await admin.user()
    renamed = await admin.client.put(f"{USERS}/{other['id']}", json={"username": user["username"]})
    assert renamed.status_code == 409


async def test_a_key_whose_creation_was_deleted_since_is_a_conflict_that_says_so(admin_client):
    yearly = {"name": "gone", "task": "agent_prompt", "type": "crontab", "crontab": "0 8 1 1 *"}
    for path, body in (
        ("/admin/sys/users", {"username": unique("gone"), "password": PASSWORD}),
        ("/admin/sys/depts", {"name": unique("gone")}),
        ("/task/schedulers", {**yearly, "kwargs": {"prompt": "Anything new?"}}),
    ):
        headers = {"Idempotency-Key": unique("key")}
        made = await admin_client.post(path, json=body, headers=headers)
        assert made.status_code == 201, made.text
        assert (await admin_client.delete(f"{path}/{made.json()['id']}")).status_code == 204
        again = await admin_client.post(path, json=body, headers=headers)
        assert (again.status_code, again.json()["code"]) == (409, "IDEMPOTENCY_GONE")


async def test_the_same_idempotency_key_makes_one_user_even_in_parallel(admin):
    body, headers = {"username": unique("once"), "password": PASSWORD}, {"Idempotency-Key": unique("key")}
    answers = await asyncio.gather(*(admin.client.post(USERS, json=body, headers=headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await admin.client.post(USERS, json={**body, "nickname": "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


@pytest.mark.parametrize("field", ["is_superuser", "id", "user_id", "password_hash", "deleted_at", "credits", "status"])
async def test_a_field_that_is_nobodys_to_set_is_a_400(admin, field):
    body = {"username": unique("mass"), "password": PASSWORD, field: 1}
    assert (await admin.client.post(USERS, json=body)).status_code == 400
    assert (await admin.client.put(f"{USERS}/1", json={field: 1})).status_code == 400
    assert (await admin.client.put(f"{USERS}/me", json={field: 1})).status_code == 400


@pytest.mark.parametrize("weak", ["short-1", "password123", "aaaaaaaaaaaa", "x" * 257])
async def test_a_weak_password_is_refused(admin, weak):
    answer = await admin.client.post(USERS, json={"username": unique("weak"), "password": weak})
    assert answer.status_code == 400
    assert "password" in str(answer.json()["errors"])


async def test_roles_and_departments_that_are_not_there_are_refused(admin):
    for wrong in ({"role_ids": [2**31 - 1]}, {"dept_id": 2**31 - 1}):
        answer = await admin.client.post(USERS, json={"username": unique("x"), "password": PASSWORD, **wrong})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["loc"][-1] in wrong


async def test_nobody_deletes_or_disables_themselves(admin):
    async with admin.as_user("sys:user:edit", "sys:user:delete") as (user, client):
        disabled = await client.put(f"{USERS}/{user['id']}", json={"is_enabled": False})
        assert (disabled.status_code, disabled.json()["code"]) == (409, "OWN_ACCOUNT")
        assert (await client.delete(f"{USERS}/{user['id']}")).status_code == 409


async def test_two_superusers_that_delete_each_other_leave_one(admin, me):
    first, second = await admin.user(), await admin.user()
    for user in (first, second):
        made = await admin.client.put(f"{USERS}/{user['id']}/superuser", json={"is_superuser": True})
        assert made.json()["is_superuser"]
    async with (
        signed_in(admin.client, first["username"]) as one,
        signed_in(admin.client, second["username"]) as two,
    ):
        assert (await one.put(f"{USERS}/{me['id']}/superuser", json={"is_superuser": False})).status_code == 200
        try:
            answers = await asyncio.gather(one.delete(f"{USERS}/{second['id']}"), two.delete(f"{USERS}/{first['id']}"))
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses[0] == 204
            assert statuses[1] in {401, 409}
            left = one if answers[0].status_code == 204 else two
            mine = (await left.get(f"{USERS}/me")).json()
            assert (await left.delete(f"{USERS}/{mine['id']}")).json()["code"] == "OWN_ACCOUNT"
        finally:
            survivor = one if (await one.get(f"{USERS}/me")).status_code == 200 else two
            again = await survivor.put(f"{USERS}/{me['id']}/superuser", json={"is_superuser": True})
            assert again.status_code == 200
    for user in (first, second):
        await admin.client.delete(f"{USERS}/{user['id']}")


async def test_only_a_superuser_touches_superusers(admin, me):
    permissions = ("sys:user:list", "sys:user:edit", "sys:user:delete", "sys:user:password", "sys:user:superuser")
    async with admin.as_user(*permissions) as (user, client):
        assert (await client.put(f"{USERS}/{me['id']}", json={"nickname": "x"})).status_code == 403
        assert (await client.delete(f"{USERS}/{me['id']}")).status_code == 403
        assert (await client.put(f"{USERS}/{me['id']}/password", json={})).status_code == 403
        promoted = await client.put(f"{USERS}/{user['id']}/superuser", json={"is_superuser": True})
        assert promoted.status_code == 403


async def test_nobody_hands_out_or_overrules_more_than_they_hold(admin):
    strong = await admin.role("sys:role:delete")
    wide = await admin.role(data_scope="all")
    powerful = await admin.user(strong)
    permissions = ("sys:user:add", "sys:user:edit", "sys:user:list", "sys:user:password")
    dept = await admin.dept()
    async with admin.as_user(*permissions) as (user, client):
        body = {"username": unique("x"), "password": PASSWORD, "role_ids": [strong["id"]]}
        assert (await client.post(USERS, json=body)).status_code == 403
        own = await client.put(f"{USERS}/{user['id']}", json={"role_ids": [strong["id"]]})
        assert own.status_code == 403
        assert (await client.put(f"{USERS}/{powerful['id']}/password", json={})).status_code == 403
        assert (await client.put(f"{USERS}/{powerful['id']}", json={"nickname": "x"})).status_code == 403
    async with admin.as_user(*permissions, data_scope="dept", dept_id=dept["id"]) as (user, client):
        own = await client.put(f"{USERS}/{user['id']}", json={"role_ids": [wide["id"]]})
        assert own.status_code == 403
    assert (await admin.client.get(USERS, params={"keyword": body["username"]})).json()["total"] == 0


async def test_data_scope_decides_who_is_there(admin):
    top = await admin.dept()
    mine = await admin.dept(top)
    below = await admin.dept(mine)
    people = {
        "top": await admin.user(dept_id=top["id"]),
        "mine": await admin.user(dept_id=mine["id"]),
        "below": await admin.user(dept_id=below["id"]),
        "nowhere": await admin.user(),
    }
    expected = {
        "all": {"top", "mine", "below", "nowhere"},
        "dept_and_below": {"mine", "below"},
        "dept": {"mine"},
        "self": set(),
    }
    for scope, names in expected.items():
        permissions = ("sys:user:list", "sys:user:edit", "sys:user:delete", "sys:user:add")
        async with admin.as_user(*permissions, data_scope=scope, dept_id=mine["id"]) as (user, client):
            items = (await client.get(USERS, params={"size": 200, "sort": "-id"})).json()["items"]
            seen = {item["id"] for item in items}
            assert user["id"] in seen
            assert {name for name, person in people.items() if person["id"] in seen} == names
            for name, person in people.items():
                path = f"{USERS}/{person['id']}"
                assert (await client.get(path)).status_code == (200 if name in names else 404)
                changed = await client.put(path, json={"nickname": "seen"})
                assert changed.status_code == (200 if name in names else 404)
                if name not in names:
                    assert (await client.delete(path)).status_code == 404
            outside = {"username": unique("x"), "password": PASSWORD, "dept_id": top["id"]}
            assert (await client.post(USERS, json=outside)).status_code == (201 if scope == "all" else 403)
            inside = {"username": unique("x"), "password": PASSWORD}
            assert (await client.post(USERS, json=inside)).status_code == (403 if scope == "self" else 201)


async def test_i_see_and_change_myself(admin):
    async with admin.as_user("sys:user:list") as (user, client):
        mine = (await client.get(f"{USERS}/me")).json()
        assert (mine["id"], mine["permissions"], mine["data_scope"]) == (user["id"], ["sys:user:list"], "all")
        changed = await client.put(f"{USERS}/me", json={"nickname": "I", "email": "i@example.org"})
        assert (changed.json()["nickname"], changed.json()["email"]) == ("I", "i@example.org")
        picture = "https://example.org/i.png"
        assert (await client.put(f"{USERS}/me/avatar", json={"avatar": picture})).json()["avatar"] == picture
        assert (await client.put(f"{USERS}/me/nickname", json={"nickname": "We"})).json()["nickname"] == "We"
        assert (await client.get(f"{USERS}/me")).json()["avatar"] == picture
        assert (await client.put(f"{USERS}/me/avatar", json={"avatar": "javascript:alert(1)"})).status_code == 400


async def test_a_new_password_ends_every_session_and_begins_one(admin):
    async with admin.as_user() as (user, client), signed_in(admin.client, user["username"]) as elsewhere:
        path = f"{USERS}/me/password"
        wrong = await client.put(path, json={"old_password": "not it at all", "new_password": "another-good-one-9"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "WRONG_PASSWORD")
        weak = await client.put(path, json={"old_password": PASSWORD, "new_password": "password123"})
        assert (weak.status_code, weak.json()["code"]) == (400, "WEAK_PASSWORD")
        done = await client.put(path, json={"old_password": PASSWORD, "new_password": "another-good-one-9"})
        assert done.status_code == 200, done.text
        for old in (client, elsewhere):
            assert (await old.get(f"{USERS}/me")).status_code == 401
            refused = await old.post("/admin/auth/token/refresh", json={"refresh_token": old.refresh_token})
            assert refused.status_code == 401
        client.headers["Authorization"] = f"Bearer {done.json()['access_token']}"
        assert (await client.get(f"{USERS}/me")).status_code == 200
        old = {"username": user["username"], "password": PASSWORD}
        stale = await client.post(LOGIN, json=old, headers=from_somewhere())
        assert stale.status_code == 401


async def test_an_administrator_sets_a_password_that_works_once_told(admin):
    async with admin.as_user() as (user, client):
        made = await admin.client.put(f"{USERS}/{user['id']}/password", json={})
        password = made.json()["password"]
        assert (await client.get(f"{USERS}/me")).status_code == 401
        async with signed_in(admin.client, user["username"], password) as again:
            assert (await again.get(f"{USERS}/me")).status_code == 200
    given = await admin.client.put(f"{USERS}/{user['id']}/password", json={"password": "chosen-by-another-3"})
    assert given.json() == {"password": None}


@pytest.mark.parametrize("how", ["disable", "delete"])
async def test_who_is_disabled_or_deleted_is_out_at_once_on_every_process(admin, second_api, how):
    async with admin.as_user() as (user, client):
        async with httpx.AsyncClient(base_url=second_api, headers=client.headers) as other:
            assert (await other.get(f"{USERS}/me")).status_code == 200
            path = f"{USERS}/{user['id']}"
            if how == "disable":
                assert (await admin.client.put(path, json={"is_enabled": False})).status_code == 200
            else:
                assert (await admin.client.delete(path)).status_code == 204
            assert (await client.get(f"{USERS}/me")).status_code == 401

            async def is_out():
                return (await other.get(f"{USERS}/me")).status_code == 401

            await until(is_out)
        body = {"username": user["username"], "password": PASSWORD}
        refused = await client.post(LOGIN, json=body, headers=from_somewhere())
        assert refused.status_code == 401
        if how == "disable":
            await admin.client.put(path, json={"is_enabled": True})
            assert (await client.get(f"{USERS}/me")).status_code == 401  # an old session does not come back


async def test_a_change_of_rights_is_felt_on_every_process(admin, second_api):
    async with admin.as_user() as (user, client):
        role = user["roles"][0]["id"]
        async with httpx.AsyncClient(base_url=second_api, headers=client.headers) as other:
            assert (await other.get(USERS)).status_code == 403
            ids = await admin.menu_ids("sys:user:list")
            granted = await admin.client.put(f"/admin/sys/roles/{role}/menus", json={"menu_ids": ids})
            assert granted.status_code == 200
            assert (await client.get(USERS)).status_code == 200

            async def may():
                return (await other.get(USERS)).status_code == 200

            await until(may)
            await admin.client.put(f"/admin/sys/roles/{role}", json={"is_enabled": False})
            assert (await client.get(USERS)).status_code == 403

            async def may_not():
                return (await other.get(USERS)).status_code == 403

            await until(may_not)
