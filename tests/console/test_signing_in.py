"""Signing in and out of the console, in headless Chromium on the real API."""

import asyncio

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def test_a_wrong_password_is_said_beside_the_form_and_the_right_one_opens_the_chat(visit, redis):
    one = await visit()
    await one.open()
    await one.fill_login("wrong")
    await expect(one.page.get_by_role("alert").filter(has_text="password is wrong")).to_be_visible()
    await one.fill_login()
    await expect(one.page.get_by_label("Message", exact=True)).to_be_focused()
    await expect(one.page.get_by_role("button", name="Account: admin")).to_be_visible()


async def test_after_three_failures_the_form_asks_for_a_captcha_and_takes_the_right_one(visit, redis):
    others = {key async for key in redis.scan_iter("captcha:*")}
    one = await visit()
    await one.open()
    for _ in range(4):
        await one.fill_login("wrong")
        await expect(one.page.get_by_role("button", name="Log in")).to_be_enabled()
    picture = one.page.get_by_alt_text("Captcha")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.naturalWidth") > 0
    (asked,) = {key async for key in redis.scan_iter("captcha:*")} - others
    await one.page.get_by_label("What does the picture say?").fill((await redis.get(asked)).lower())
    await one.fill_login()
    await expect(one.page.get_by_label("Message", exact=True)).to_be_visible()


async def test_what_the_api_says_of_a_field_stands_beside_that_field(visit):
    one = await visit()
    await one.open()
    await one.fill_login(username="a" * 65)
    await expect(one.page.get_by_text("at most 64 characters")).to_be_visible()
    await expect(one.page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
    await expect(one.page.get_by_label("User name")).to_be_focused()


async def test_two_tabs_that_begin_at_once_share_the_session(visit):
    one = await (await visit()).sign_in()
    tabs = [await one.new_tab() for _ in range(3)]
    await asyncio.gather(*(tab.open("#/runs") for tab in tabs))
    for tab in tabs:
        await expect(tab.page.get_by_role("heading", name="Runs")).to_be_visible()


async def test_a_page_that_is_reloaded_while_it_renews_its_session_keeps_it(visit):
    one = await (await visit()).sign_in()
    for _ in range(3):
        async with one.page.expect_request("**/token/refresh"):
            await one.page.reload(wait_until="commit")
    await expect(one.page.get_by_label("Message", exact=True)).to_be_visible()


async def test_logging_out_in_one_tab_ends_the_stream_in_the_other(visit, client):
    one = await (await visit()).sign_in()
    await one.say("left alone [tokens=2000 delay=20]")
    await expect(one.answers).to_contain_text("tok5")
    running = await client.get("/agent/runs", params={"thread_id": await one.thread_id()})
    other = await one.new_tab()
    await other.open("#/runs")
    await other.log_out()
    await expect(one.page.get_by_label("Password")).to_be_visible()
    await client.post(f"/agent/runs/{running.json()['items'][0]['id']}/cancel")


async def test_a_session_that_ends_elsewhere_leads_to_the_login_and_back_to_the_same_page(visit):
    one = await (await visit()).sign_in()
    await one.page.get_by_role("link", name="Runs", exact=True).click()
    await one.page.context.clear_cookies()
    await one.page.reload()
    await one.fill_login()
    await expect(one.page.get_by_role("heading", name="Runs")).to_be_visible()
    await one.log_out()
    await expect(one.page.get_by_label("Password")).to_be_visible()
    await one.page.reload()
    await expect(one.page.get_by_label("Password")).to_be_visible()
