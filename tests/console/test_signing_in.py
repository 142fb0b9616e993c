"""Signing in and out of the console, in headless Chromium on the real API."""

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
    one = await visit()
    await one.open()
    for _ in range(4):
        await one.fill_login("wrong")
        await expect(one.page.get_by_role("button", name="Log in")).to_be_enabled()
    picture = one.page.get_by_alt_text("Captcha")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.naturalWidth") > 0
    codes = [await redis.get(key) async for key in redis.scan_iter("captcha:*")]
    assert len(codes) == 1
    await one.page.get_by_label("What does the picture say?").fill(codes[0].lower())
    await one.fill_login()
    await expect(one.page.get_by_label("Message", exact=True)).to_be_visible()


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
