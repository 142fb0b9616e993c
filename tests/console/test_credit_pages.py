"""The pages of credits: one's own, everybody's, and use summed up."""

import pytest
from playwright.async_api import expect

from tests.api.people import PASSWORD, Admin

pytestmark = pytest.mark.browser


async def test_an_administrator_adds_credits_and_the_user_sees_them_and_why(visit, admin_client):
    user = await Admin(admin_client).user()
    one = await (await visit()).enter(f"#/system/users?keyword={user['username']}")
    await one.click(f"Add credits to {user['username']}")
    await one.dialog.get_by_label("Credits").fill("12.5")
    await one.dialog.get_by_label("Why").fill("<i>May's budget</i>")
    await one.answer("Add")
    await one.open("#/credits/accounts")
    await expect(one.row(user["username"])).to_contain_text("12.5")
    theirs = await (await visit()).enter("#/credits", PASSWORD, username=user["username"])
    await expect(theirs.page.get_by_text("12.5")).to_be_visible()
    await theirs.page.get_by_role("link", name="Ledger").click()
    await expect(theirs.row("grant")).to_contain_text("<i>May's budget</i>")


async def test_use_is_seen_by_run_and_summed_by_day(visit, client):
    one = await (await visit()).sign_in()
    await one.say("to be counted [tokens=3 delay=1]")
    await one.finished()
    await one.open("#/credits")
    await expect(one.row("chat").first).to_contain_text("fake")
    await one.open("#/credits/usage")
    await expect(one.row("admin").filter(has_text="fake").first).to_be_visible()
    await one.page.get_by_label("By").select_option("day")
    await expect(one.page.get_by_role("cell", name="all", exact=True).first).to_be_visible()
    await expect(one.row("admin")).to_have_count(0)
