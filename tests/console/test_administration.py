"""The administrators' pages: each noun is added, changed and deleted; who may not, sees and opens nothing of it."""

import pytest
from playwright.async_api import expect

from tests.api.people import PASSWORD, Admin, unique

pytestmark = pytest.mark.browser
CANARY = "<img src=x onerror=\"document.title='taken'\">"


@pytest.fixture
def admin(admin_client) -> Admin:
    return Admin(admin_client)


async def test_a_user_is_added_changed_and_deleted_and_markup_in_the_name_stays_text(visit, admin):
    role, name = await admin.role(), unique("ada")
    one = await (await visit()).enter("#/system/users")
    await one.click("Add a user")
    await one.dialog.get_by_label("User name").fill("admin")
    await one.dialog.get_by_label("Password").fill(PASSWORD)
    await one.dialog.get_by_label("Nickname").fill(CANARY)
    await one.dialog.get_by_label(role["name"]).check()
    await one.click("Add")
    await expect(one.dialog.get_by_role("alert")).to_contain_text("user of this name")
    await one.dialog.get_by_label("User name").fill(name)
    await one.answer("Add")
    await one.page.get_by_label("Search").fill(name)
    await one.page.get_by_label("Search").press("Enter")
    await expect(one.row(name)).to_contain_text(CANARY)
    await expect(one.row(name)).to_contain_text(role["name"])
    await one.click(f"Change {name}")
    await one.dialog.get_by_label("Nickname").fill("Ada")
    await one.dialog.get_by_label("May sign in").uncheck()
    await one.answer("Save")
    await expect(one.row(name)).to_contain_text("disabled")
    await expect(one.page.get_by_role("button", name=f"Change {name}")).to_be_focused()
    await one.click(f"Delete {name}")
    await one.answer("Delete")
    await expect(one.page.get_by_text("Nobody is like that.")).to_be_visible()
    await expect(one.page.locator("main img")).to_have_count(0)
    await expect(one.page).to_have_title("Users · Agents Backend")


async def test_a_password_that_is_made_is_shown_once_and_opens_the_account(visit, admin):
    user = await admin.user()
    one = await (await visit()).enter(f"#/system/users?keyword={user['username']}")
    await one.click(f"Password {user['username']}")
    await one.click("Set")
    made = await one.page.locator("pre.secret").inner_text()
    await one.answer("Done")
    other = await (await visit()).enter("", made, username=user["username"])
    await expect(other.page.get_by_label("Message", exact=True)).to_be_visible()


async def test_a_list_is_sorted_by_its_heads(visit, admin):
    word = unique("sorted")
    for letter in "bca":
        await admin.user(username=f"{word}-{letter}")
    one = await (await visit()).enter(f"#/system/users?keyword={word}")
    names = one.page.locator("tbody tr td:first-child")
    await expect(names).to_have_text([f"{word}-{letter}" for letter in "bca"])
    for letters, order in (("abc", "ascending"), ("cba", "descending")):
        await one.click("Sort by User name")
        await expect(names).to_have_text([f"{word}-{letter}" for letter in letters])
        await expect(one.page.get_by_role("columnheader", name="User name")).to_have_attribute("aria-sort", order)


async def test_departments_grow_as_a_tree_and_one_with_others_below_is_kept(visit):
    top, below = unique("top"), unique("below")
    one = await (await visit()).enter("#/system/depts")
    await one.click("Add a department")
    await one.dialog.get_by_label("Name").fill(top)
    await one.answer("Add")
    await one.click(f"Add below {top}")
    await one.dialog.get_by_label("Name").fill(below)
    await one.answer("Add")
    await expect(one.row(below)).to_be_visible()
    fold = one.page.get_by_role("button", name=f"What is below {top}")
    await fold.click()
    await expect(one.row(below)).to_be_hidden()
    await fold.click()
    await one.click(f"Change {below}")
    await one.dialog.get_by_label("Leader").fill("Grace")
    await one.answer("Save")
    await expect(one.row(below)).to_contain_text("Grace")
    await one.click(f"Delete {top}")
    await one.answer("Delete")
    await expect(one.page.get_by_role("alert").filter(has_text="department")).to_be_visible()
    for name in (below, top):
        await one.click(f"Delete {name}")
        await one.answer("Delete")
        await expect(one.row(name)).to_have_count(0)


async def test_a_role_is_given_menus_and_its_holder_sees_these_alone(visit, admin):
    name = unique("role")
    one = await (await visit()).enter("#/system/roles")
    await one.click("Add a role")
    await one.dialog.get_by_label("Name").fill(name)
    await one.answer("Add")
    await one.page.get_by_label("Name", exact=True).fill(name)
    await one.page.get_by_label("Name", exact=True).press("Enter")
    await expect(one.row(name)).to_contain_text("themselves")
    await one.click(f"Menus {name}")
    await one.dialog.get_by_label("Departments", exact=True).check()
    await expect(one.dialog.get_by_label("Delete departments")).to_be_checked()
    await one.dialog.get_by_label("Add departments").uncheck()
    await one.answer("Save")
    await expect(one.page.get_by_text("Saved.")).to_be_visible()
    [role] = (await admin.client.get("/admin/sys/roles", params={"name": name})).json()["items"]
    user = await admin.user(role)
    other = await (await visit()).enter("#/system/depts", PASSWORD, username=user["username"])
    await expect(other.page.get_by_role("heading", name="Departments")).to_be_visible()
    await expect(other.page.get_by_role("button", name="Add a department")).to_have_count(0)
    await other.click("Admin")
    await expect(other.page.get_by_role("navigation").get_by_role("link", name="Departments")).to_be_visible()
    await expect(other.page.get_by_role("navigation").get_by_role("link", name="Users")).to_have_count(0)


async def test_a_menu_is_added_changed_and_deleted_and_its_title_is_what_the_sidebar_says(visit, admin_client):
    name = unique("shop")
    one = await (await visit()).enter("#/system/menus")
    await one.click("Add a menu")
    await one.dialog.get_by_label("Title").fill(name)
    await one.dialog.get_by_label("Name").fill(name)
    await one.dialog.get_by_label("Permission").fill("Not:One")
    await one.click("Add")
    await expect(one.dialog.get_by_label("Permission")).to_be_focused()
    await expect(one.dialog.get_by_label("Permission")).to_have_attribute("aria-invalid", "true")
    await one.dialog.get_by_label("Permission").fill("")
    await one.answer("Add")
    await one.click(f"Change {name}")
    await one.dialog.get_by_label("Shown in the sidebar").uncheck()
    await one.answer("Save")
    await expect(one.row(name)).to_contain_text("hidden")
    await one.click(f"Delete {name}")
    await one.answer("Delete")
    await expect(one.row(name)).to_have_count(0)
    menus = (await admin_client.get("/admin/sys/menus/sidebar")).json()
    redis = next(page for menu in menus for page in menu["children"] if page["name"] == "monitor:redis")
    await admin_client.put(f"/admin/sys/menus/{redis['id']}", json={"title": "Valkey"})
    try:
        await one.page.reload()
        await one.click("Admin")
        await expect(one.page.get_by_role("link", name="Valkey")).to_have_attribute("href", "#/monitor/redis")
    finally:
        await admin_client.put(f"/admin/sys/menus/{redis['id']}", json={"title": redis["title"]})


async def test_a_plain_user_has_no_admin_menu_and_is_told_why_a_page_does_not_open(visit, admin):
    user = await admin.user()
    one = await (await visit()).enter("#/system/users", PASSWORD, username=user["username"])
    await expect(one.page.get_by_role("alert").filter(has_text="You may not open “Users”")).to_be_visible()
    await expect(one.page.get_by_role("button", name="Admin", exact=True)).to_have_count(0)
    await expect(one.page.get_by_role("navigation", name="Pages").get_by_role("link")).to_contain_text(["Chat", "Runs"])


async def test_a_right_that_is_withdrawn_meanwhile_is_refused_in_the_words_of_the_api(visit, admin):
    role, dept = await admin.role("sys:dept:list"), await admin.dept()
    user = await admin.user(role)
    one = await (await visit()).enter("#/system/depts", PASSWORD, username=user["username"])
    await expect(one.row(dept["name"])).to_be_visible()
    await admin.client.put(f"/admin/sys/roles/{role['id']}/menus", json={"menu_ids": []})
    refusal = one.page.get_by_role("alert").filter(has_text="You do not have the permission for this.")
    for _ in range(50):  # it is felt within a second
        await one.click("Refresh")
        await one.page.wait_for_timeout(100)
        if await refusal.count():
            break
    await expect(refusal).to_be_visible()


async def test_the_operation_log_tells_what_changed_and_an_entry_is_deleted(visit, admin):
    dept = await admin.dept()
    await admin.client.put(f"/admin/sys/depts/{dept['id']}", json={"leader": CANARY})
    one = await (await visit()).enter(f"#/log/opera?path=/depts/{dept['id']}&method=PUT")
    row = one.row(f"/depts/{dept['id']}")
    for _ in range(50):  # the log is written behind the requests
        if await row.count():
            break
        await one.click("Refresh")
        await one.page.wait_for_timeout(100)
    await row.get_by_role("button", name="Details").click()
    changes = one.page.get_by_role("dialog").get_by_role("table")
    await expect(changes.get_by_role("row").filter(has_text="leader")).to_contain_text("onerror")
    await one.answer("Close")
    await row.get_by_role("button", name="Delete").click()
    await one.answer("Delete")
    await expect(row).to_have_count(0)
    await one.page.get_by_role("button", name="Admin", exact=True).click()
    await one.page.get_by_role("link", name="Login logs").click()
    await expect(one.row("admin").first).to_contain_text("worked")


async def test_the_monitor_shows_queues_and_keys_and_ends_somebodys_session(visit, admin):
    user = await admin.user()
    other = await (await visit()).enter("", PASSWORD, username=user["username"])
    await expect(other.page.get_by_label("Message", exact=True)).to_be_visible()
    one = await (await visit()).enter("#/monitor/server")
    await expect(one.row("chat").first).to_be_visible()
    await one.open("#/monitor/redis")
    await expect(one.page.get_by_role("table", name="Commands")).to_be_visible()
    await one.open(f"#/monitor/sessions?keyword={user['username']}")
    await one.click(f"Sign out {user['username']}")
    await one.answer("Sign out")
    await expect(one.page.get_by_text("No sessions.")).to_be_visible()
    await other.page.reload()
    await expect(other.page.get_by_label("Password")).to_be_visible()


async def test_one_changes_ones_own_name_and_password_and_stays_signed_in(visit, admin):
    user = await admin.user()
    one = await (await visit()).enter("#/profile", PASSWORD, username=user["username"])
    await one.page.get_by_label("Nickname").fill("Ada")
    await one.click("Save")
    await expect(one.page.get_by_text("Saved.")).to_be_visible()
    await one.page.get_by_label("Present password").fill(PASSWORD)
    await one.page.get_by_label("New password", exact=True).fill("another-and-longer-1")
    await one.page.get_by_label("New password, again").fill("not that")
    await one.click("Change the password")
    await expect(one.page.get_by_text("The two are not the same.")).to_be_visible()
    await one.page.get_by_label("New password, again").fill("another-and-longer-1")
    await one.click("Change the password")
    await expect(one.page.get_by_text("Your password is changed.")).to_be_visible()
    await one.page.reload()
    await expect(one.page.get_by_label("Nickname")).to_have_value("Ada")
