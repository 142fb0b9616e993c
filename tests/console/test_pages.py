"""The pages besides the chat, and what all pages share."""

import asyncio
import re
import uuid

import pytest
from playwright.async_api import expect

from agents_backend.db.tables.users import User
from agents_backend.services.passwords import Passwords
from tests.api.test_chat import body
from tests.conftest import PASSWORD
from tests.console.conftest import tokens

pytestmark = pytest.mark.browser


async def test_the_list_of_runs_filters_and_links_to_temporal_and_to_the_chat(visit, client, settings):
    response = await client.post("/agent/chat/stream", json=body("listed [tokens=2 delay=1]"))
    run, thread = response.headers["X-Run-Id"], response.headers["X-Thread-Id"]
    one = await (await visit()).sign_in()
    await one.page.get_by_role("link", name="Runs", exact=True).click()
    row = one.page.get_by_role("row").filter(has=one.page.locator(f"a[href$='{thread}']"))
    await expect(row).to_contain_text("succeeded")
    address = f"{settings.temporal.ui_url}/namespaces/default/workflows/chat-{run}"
    await expect(row.get_by_role("link", name="Temporal")).to_have_attribute("href", address)
    await one.page.get_by_label("Status").select_option("queued")
    await expect(one.page.get_by_text("No runs.")).to_be_visible()
    await one.page.go_back()
    await row.get_by_role("link", name="Chat").click()
    await expect(one.answers).to_have_text(tokens(2))


async def test_a_thread_is_deleted_after_a_second_thought(visit):
    one = await (await visit()).sign_in()
    await one.say("delete me [tokens=2 delay=1]")
    await one.finished()
    link = one.page.get_by_role("link", name="delete me")
    remove = one.page.get_by_role("button", name=re.compile("^Delete “delete me"))
    await remove.click()
    await one.page.get_by_role("button", name="Cancel", exact=True).click()
    await expect(link).to_have_count(1)
    await remove.click()
    await one.page.get_by_role("button", name="Delete", exact=True).click()
    await expect(link).to_have_count(0)
    await expect(one.page.get_by_role("heading", name="What shall we do?")).to_be_visible()


async def test_the_keyboard_alone_is_enough(visit):
    one = await (await visit()).sign_in()
    await one.page.keyboard.type("typed [tokens=3 delay=1]")
    await one.page.keyboard.press("Enter")
    await one.finished()
    await one.page.get_by_role("button", name="Skip to content").focus()
    await one.page.keyboard.press("Enter")
    await expect(one.page.locator("main")).to_be_focused()


async def test_a_long_list_is_turned_by_its_pages_and_the_address_keeps_the_place(visit, client):
    await asyncio.gather(
        *(client.post("/agent/chat/stream", json=body(f"run {n} [tokens=1 delay=1]")) for n in range(21))
    )
    one = await (await visit()).sign_in()
    await one.open("#/runs")
    pages = one.page.get_by_role("navigation", name="Pages").last
    await expect(one.page.get_by_role("row")).to_have_count(21)
    await expect(pages.get_by_role("button", name="Previous")).to_be_disabled()
    await pages.get_by_role("button", name="Next").click()
    await expect(pages).to_contain_text("Page 2 of")
    await expect(pages.get_by_role("button", name="Previous")).to_be_enabled()
    await one.page.reload()
    await expect(pages).to_contain_text("Page 2 of")
    await one.page.go_back()
    await expect(pages).to_contain_text("Page 1 of")


# Two pages as other engineers add them: one of a group, one that asks for a permission.
MORE_PAGES = """
import chat from "./chat.js";
const page = (title, path, more) => ({
  title, path, ...more,
  render(root, ctx) { root.append(`${title} for ${ctx.user.username}, ${ctx.params.join()} ${ctx.query.get("page")}`); },
});
export const PAGES = [chat, page("Sandboxes", "/sandboxes", { group: "More" }), page("Users", "/admin/users", { group: "More", needs: "sys:user:list" })];
"""


@pytest.fixture
async def ordinary(database) -> str:
    """The name of a user without any permission; the password is the administrator's."""
    name, passwords = f"user-{uuid.uuid4().hex[:8]}", Passwords(1)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    async with database.transaction() as session:
        session.add(User(username=name, password_hash=hashed))
    return name


async def test_a_page_is_listed_and_shown_to_those_alone_who_may_see_it(visit, ordinary):
    for username, titles in (("admin", ["Sandboxes", "Users"]), (ordinary, ["Sandboxes"])):
        one = await visit()
        await one.page.route(
            "**/console/pages/index.js",
            lambda route: route.fulfill(body=MORE_PAGES, content_type="text/javascript"),
        )
        await one.open("#/sandboxes/7?page=2")
        await one.fill_login(username=username)
        await expect(one.page.get_by_text(f"Sandboxes for {username}, 7 2")).to_be_visible()
        await one.page.get_by_role("button", name="More").click()
        await expect(one.page.get_by_role("navigation").get_by_role("link")).to_have_text(["Chat", *titles])
        await one.open("#/admin/users")
        shown = one.page.get_by_text("Users for") if "Users" in titles else one.page.get_by_label("Message", exact=True)
        await expect(shown).to_be_visible()


async def test_another_theme_stays_after_a_reload(visit):
    one = await (await visit(color_scheme="light")).sign_in()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await one.page.evaluate(ground)
    await one.page.get_by_role("button", name="Account").click()
    await one.page.get_by_label("Theme").select_option("dark")
    dark = await one.page.evaluate(ground)
    await one.page.reload()
    await one.page.get_by_label("Message", exact=True).wait_for()
    assert dark != light
    assert await one.page.evaluate(ground) == dark
