"""The chat in headless Chromium, on the real API, worker and servers; the model alone is a fake on the wire."""

import re

import pytest
from playwright.async_api import expect

from tests.api.test_chat import body
from tests.console.conftest import tokens

pytestmark = pytest.mark.browser


async def test_an_answer_appears_token_by_token_and_is_whole(visit):
    one = await (await visit()).sign_in()
    await one.say("greetings [tokens=60 delay=40]")
    await expect(one.answers).to_contain_text("tok3")
    assert "tok59" not in await one.answers.inner_text()
    await expect(one.page.get_by_role("status").filter(has_text="Working")).to_be_visible()
    await one.finished()
    assert await one.answers.inner_text() == tokens(60)
    await expect(one.page.locator(".turn .foot")).to_contain_text("fake · 10 in, 60 out")
    await expect(one.page.get_by_role("link", name=re.compile("^greetings"))).to_have_attribute("aria-current", "page")


async def test_thoughts_are_folded_and_can_be_opened_live_and_after_a_reload(visit):
    one = await (await visit()).sign_in()
    await one.page.get_by_label("Deep thinking").check()
    await one.say("[reasoning=let me think][say=It is done.]")
    for _ in range(2):
        await one.finished()
        fold = one.page.locator("details", has_text="Thoughts")
        await expect(fold.get_by_text("let me think")).to_be_hidden()
        await fold.locator("summary").click()
        await expect(fold.get_by_text("let me think")).to_be_visible()
        assert await one.answers.inner_text() == "It is done."
        await one.page.reload()


async def test_a_tool_call_is_folded_with_its_arguments_and_its_result(visit):
    one = await (await visit()).sign_in()
    await one.say('time [tool:current_time {"timezone": "Asia/Tokyo"}]')
    for _ in range(2):
        await one.finished()
        fold = one.page.locator("details.tool")
        await expect(fold).to_have_count(1)
        await expect(fold.locator("summary")).to_contain_text("current_time")
        await expect(fold.get_by_text("Asia/Tokyo")).to_be_hidden()
        await fold.locator("summary").click()
        await expect(fold.get_by_text('"timezone": "Asia/Tokyo"')).to_be_visible()
        await expect(fold.get_by_text("+09:00")).to_be_visible()
        await one.page.reload()


async def test_stop_ends_the_run_and_keeps_what_was_written(visit, client):
    one = await (await visit()).sign_in()
    await one.say("cancel me [tokens=2000 delay=20]")
    await expect(one.answers).to_contain_text("tok5")
    await one.page.get_by_role("button", name="Stop").click()
    await expect(one.page.get_by_text("Cancelled; what was written is kept.")).to_be_visible()
    await one.finished()
    shown = await one.answers.inner_text()
    stored = (await client.get(f"/agent/threads/{await one.thread_id()}/messages")).json()["items"]
    assert shown == stored[-1]["content"].strip()


async def test_a_run_that_fails_says_why_at_once_and_after_a_reload(visit):
    one = await (await visit()).sign_in()
    await one.say("refuse [error=400]")
    for _ in range(2):
        await one.finished()
        await expect(one.page.locator(".note.bad")).to_contain_text("MODEL_REJECTED")
        await one.page.reload()


async def test_a_message_that_is_refused_is_given_back(visit, client):
    one = await (await visit()).sign_in()
    await one.say("first [tokens=1]")
    await one.finished()
    elsewhere = body("elsewhere [tokens=2000 delay=20]", thread_id=await one.thread_id())
    async with client.stream("POST", "/agent/chat/stream", json=elsewhere) as response:
        run = response.headers["X-Run-Id"]
    await one.say("second")
    await expect(one.page.get_by_role("alert").filter(has_text="Another run is active")).to_be_visible()
    await expect(one.page.get_by_label("Message", exact=True)).to_have_value("second")
    await expect(one.page.locator(".turn.user")).to_have_count(1)
    await client.post(f"/agent/runs/{run}/cancel")


async def test_markup_in_an_answer_stays_text(visit, fake_model):
    attack = (
        '<img src=x onerror="window.hacked=1"> <script>window.hacked=2</script> **<b>bold</b>** '
        "`<i>code</i>` (javascript:alert(1)) <svg onload=window.hacked=3>"
    )
    fake_model.script(f"[say={attack}]")
    one = await (await visit()).sign_in()
    await one.say("<u>mine</u>")
    for _ in range(2):
        await one.finished()
        text = one.answers
        assert await text.inner_text() == attack.replace("**", "").replace("`", "")
        assert await text.locator("img, script, svg, b, i, a").count() == 0
        assert await one.page.locator(".turn.user u").count() == 0
        assert await one.page.evaluate("window.hacked") is None
        await one.page.reload()


async def test_the_browser_itself_refuses_to_make_markup_of_a_string(visit):
    one = await visit()
    await one.open()
    refused = "() => { try { document.body.innerHTML = '<b>x</b>'; return ''; } catch (error) { return error.name; } }"
    assert await one.page.evaluate(refused) == "TypeError"
    one.complaints.clear()  # the refusal is told there too
