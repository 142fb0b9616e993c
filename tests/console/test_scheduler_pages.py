"""The schedulers' pages: times are seen before they are saved, runs with what they came to."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.api.people import PASSWORD, Admin, unique
from tests.running import running_worker
from tests.schedulers import friendly

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
async def background(settings, database, worker: None) -> AsyncIterator[None]:
    async with running_worker(friendly(settings), ["background"]):
        yield


async def test_a_scheduler_is_seen_in_its_times_saved_run_changed_turned_off_and_deleted(visit):
    name = unique("report")
    one = await (await visit(timezone_id="Europe/Berlin")).enter("#/schedulers/edit")
    fires = one.page.get_by_label("Next fires").get_by_role("listitem")
    await one.page.get_by_label("Name", exact=True).fill(name)
    await one.page.get_by_label("Prompt").fill("say it [tokens=2 delay=0]")
    crontab = one.page.get_by_label("Crontab")
    await crontab.fill("61 * * * *")
    await expect(crontab).to_have_attribute("aria-invalid", "true")
    await crontab.fill("30 7 1 1 *")
    await expect(fires).to_have_count(5)
    await expect(fires.first).to_contain_text("1 January")
    await expect(fires.first).to_contain_text("07:30:00 CET")
    await one.page.get_by_label("Agent Name").fill("nobody")
    await one.click("Save")
    await expect(one.page.get_by_label("Agent Name")).to_be_focused()
    await expect(one.page.get_by_label("Agent Name")).to_have_attribute("aria-invalid", "true")
    await one.page.get_by_label("Agent Name").fill("chat")
    await one.click("Save")
    await expect(one.page.get_by_text("It has not fired yet.")).to_be_visible()
    await one.click("Run now")
    await expect(one.row("hand")).to_contain_text("succeeded")
    await expect(one.row("hand").get_by_role("button", name="Chat of")).to_be_visible()
    await one.page.get_by_role("link", name="Change").click()
    await expect(one.page.get_by_label("Prompt")).to_have_value("say it [tokens=2 delay=0]")
    await one.page.get_by_label("Fires", exact=True).select_option("interval")
    await expect(crontab).to_be_hidden()
    await one.page.get_by_label("Every").fill("40")
    await one.page.get_by_label("Of", exact=True).select_option("weeks")
    await one.click("Save")
    await expect(one.page.get_by_text("every 40 weeks")).to_be_visible()
    await one.click("Turn off")
    await one.page.get_by_role("link", name="Schedulers").click()
    await expect(one.row(name)).to_contain_text("off")
    await one.click(f"Delete {name}")
    await one.answer("Delete")
    await expect(one.row(name)).to_have_count(0)


async def test_missed_times_are_run_after_all(visit):
    one = await (await visit()).enter("#/schedulers/edit")
    await one.page.get_by_label("Name", exact=True).fill(unique("missed"))
    await one.page.get_by_label("Prompt").fill("say it [tokens=1 delay=0]")
    await one.page.get_by_label("Crontab").fill("0 0 1 1 *")
    await one.page.get_by_label("Not before").fill("2024-01-01T00:00:00")
    await one.click("Save")
    await one.click("Backfill…")
    await one.dialog.get_by_label("From").fill("2024-06-01T00:00")
    await one.dialog.get_by_label("Until").fill("2020-06-02T00:00")
    await one.click("Run them")
    await expect(one.dialog.get_by_label("Until")).to_have_attribute("aria-invalid", "true")
    await one.dialog.get_by_label("Until").fill("2026-06-02T00:00")
    await one.answer("Run them")
    await expect(one.page.get_by_text("Runs that were due then: 2.")).to_be_visible()
    for _ in range(60):  # the list shows what there was when it was asked for
        await one.click("Refresh")
        await one.page.wait_for_timeout(500)
        if await one.row("succeeded").count():
            break
    await expect(one.row("succeeded").first).to_be_visible()
    await one.click("New secret…")
    await one.dialog.get_by_role("button", name="Make one").click()
    await expect(one.dialog).to_contain_text("whsec_")


async def test_a_task_has_a_form_of_its_own_arguments(visit):
    one = await (await visit()).enter("#/schedulers/edit")
    await one.page.get_by_label("Task", exact=True).select_option("http_request")
    await expect(one.page.get_by_label("Prompt")).to_have_count(0)
    await one.page.get_by_label("Name", exact=True).fill(unique("call"))
    await one.page.get_by_label("Url").fill("http://127.0.0.1/")
    await one.page.get_by_label("Headers").fill("{")
    await one.click("Save")
    await expect(one.page.get_by_text("This is not JSON")).to_be_visible()
    await one.page.get_by_label("Headers").fill('{"x-about": "weather"}')
    await one.click("Save")
    await expect(one.page.get_by_label("Url")).to_have_attribute("aria-invalid", "true")


async def test_an_administrator_sees_whose_schedulers_there_are_and_changes_none_of_others(visit, admin_client):
    admin = Admin(admin_client)
    user, name = await admin.user(), unique("theirs")
    theirs = await (await visit()).enter("#/schedulers/edit", PASSWORD, username=user["username"])
    await theirs.page.get_by_label("Name", exact=True).fill(name)
    await theirs.page.get_by_label("Prompt").fill("say it [tokens=1 delay=0]")
    await theirs.page.get_by_label("On", exact=True).uncheck()
    await theirs.click("Save")
    await expect(theirs.page.get_by_text("It has not fired yet.")).to_be_visible()
    one = await (await visit()).enter("#/schedulers?all=true")
    await expect(one.row(name)).to_contain_text(f"of user {user['id']}")
    await expect(one.row(name).get_by_role("button")).to_have_count(0)
    await one.page.get_by_label("Whose").select_option("")
    await expect(one.row(name)).to_have_count(0)
