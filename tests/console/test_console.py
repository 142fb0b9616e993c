"""The console in headless Chromium, on the real API, worker and servers; the model alone is a fake on the wire."""

import re

import pytest
from playwright.async_api import expect

from tests.api.test_chat import body
from tests.console.conftest import wire_to

pytestmark = pytest.mark.browser
expect.set_options(timeout=12_000)


def tokens(count: int) -> str:
    """What the fake model says to `[tokens=count]`."""
    return " ".join(f"tok{number}" for number in range(count))


def answers(page):
    return page.locator(".turn.assistant .text")


async def finished(page) -> None:
    """The run has ended: its foot line is there, and the composer takes another message."""
    await expect(page.locator(".turn .foot").last).to_contain_text("Temporal")
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()


async def test_a_wrong_password_is_said_beside_the_form_and_the_right_one_opens_the_chat(visit, redis):
    one = await visit()
    await one.open()
    await one.fill_login("wrong")
    await expect(one.page.get_by_role("alert").filter(has_text="password is wrong")).to_be_visible()
    await one.fill_login()
    await expect(one.page.get_by_label("Message", exact=True)).to_be_focused()
    await expect(one.page.get_by_text("admin", exact=True)).to_be_visible()


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


async def test_an_answer_appears_token_by_token_and_is_whole(visit):
    one = await (await visit()).sign_in()
    await one.say("hello [tokens=60 delay=40]")
    await expect(answers(one.page)).to_contain_text("tok3")
    assert "tok59" not in await answers(one.page).inner_text()
    await expect(one.page.get_by_role("status").filter(has_text="Working")).to_be_visible()
    await finished(one.page)
    assert await answers(one.page).inner_text() == tokens(60)
    await expect(one.page.locator(".turn .foot")).to_contain_text("fake · 10 in, 60 out")
    await expect(one.page.get_by_role("link", name=re.compile("^hello"))).to_have_attribute("aria-current", "page")


async def test_thoughts_are_folded_and_can_be_opened_live_and_after_a_reload(visit):
    one = await (await visit()).sign_in()
    await one.page.get_by_label("Deep thinking").check()
    await one.say("[reasoning=let me think][say=It is done.]")
    for _ in range(2):
        await finished(one.page)
        fold = one.page.locator("details", has_text="Thoughts")
        await expect(fold.get_by_text("let me think")).to_be_hidden()
        await fold.locator("summary").click()
        await expect(fold.get_by_text("let me think")).to_be_visible()
        assert await answers(one.page).inner_text() == "It is done."
        await one.page.reload()


async def test_a_tool_call_is_folded_with_its_arguments_and_its_result(visit):
    one = await (await visit()).sign_in()
    await one.say('time [tool:current_time {"timezone": "Asia/Tokyo"}]')
    for _ in range(2):
        await finished(one.page)
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
    await expect(answers(one.page)).to_contain_text("tok5")
    await one.page.get_by_role("button", name="Stop").click()
    await expect(one.page.get_by_text("Cancelled; what was written is kept.")).to_be_visible()
    await finished(one.page)
    shown = await answers(one.page).inner_text()
    stored = (await client.get(f"/agent/threads/{await one.thread_id()}/messages")).json()["items"]
    assert shown == stored[-1]["content"].strip()


async def held_run(client, call: str) -> str:
    """The thread of a run that waits for the approval of a tool."""
    request = body(f"time [tool:current_time {call}]", interrupt_before_tools=["current_time"])
    response = await client.post("/agent/chat/stream", json=request)
    return response.headers["X-Thread-Id"]


async def test_a_call_that_waits_for_approval_runs_with_the_arguments_that_a_human_gave_it(visit, client):
    thread = await held_run(client, '{"timezone": "UTC"}')
    one = await (await visit()).sign_in()
    await one.open(f"#/chat/{thread}")
    card = one.page.get_by_role("region", name="The agent waits for you")
    await expect(card).to_contain_text('"timezone": "UTC"')
    await expect(one.page.get_by_role("button", name="Send")).to_be_disabled()
    await card.get_by_role("button", name="Edit…").click()
    arguments = one.page.get_by_label("Arguments (JSON)")
    await arguments.fill("{nonsense")
    await one.page.get_by_role("button", name="Run with these").click()
    await expect(one.page.get_by_text("This is not JSON")).to_be_visible()
    await arguments.fill('{"timezone": "Asia/Tokyo"}')
    await one.page.get_by_role("button", name="Run with these").click()
    await finished(one.page)
    await expect(card).to_be_hidden()
    await expect(one.page.locator("details.tool pre").last).to_contain_text("+09:00")
    assert await answers(one.page).last.inner_text() == tokens(100)


async def test_a_call_that_is_rejected_does_not_run_and_the_agent_is_told_why(visit, client):
    thread = await held_run(client, "{}")
    one = await (await visit()).sign_in()
    await one.open(f"#/chat/{thread}")
    await one.page.get_by_role("button", name="Reject…").click()
    await one.page.get_by_label("Why?").fill("not now")
    await one.page.get_by_role("button", name="Reject", exact=True).click()
    await finished(one.page)
    await expect(one.page.locator("details.tool pre").last).to_have_text("The user refused this call. not now")


async def test_a_question_of_the_agent_is_answered_by_one_of_its_options(visit):
    one = await (await visit()).sign_in()
    await one.say('ask [tool:ask_human {"question": "Which colour?", "options": ["Blue", "Red"]}]')
    await expect(one.page.get_by_text("Which colour?", exact=True)).to_be_visible()
    await one.page.get_by_role("button", name="Blue", exact=True).click()
    await finished(one.page)
    await expect(one.page.locator("details.tool pre").last).to_contain_text("Blue")


async def test_two_questions_one_after_the_other_are_both_asked(visit):
    one = await (await visit()).sign_in()
    await one.say('ask twice [toolloop=2 ask_human {"question": "Go on?"}]')
    for number in (1, 2):
        await expect(one.page.locator("details.tool")).to_have_count(number)
        await one.page.get_by_label("Your answer").fill(f"answer {number}")
        await one.page.get_by_role("button", name="Answer", exact=True).click()
    await finished(one.page)
    await expect(one.page.locator("details.tool pre").last).to_contain_text("answer 2")


async def test_a_reload_in_the_middle_of_an_answer_loses_and_doubles_nothing(visit):
    one = await (await visit()).sign_in()
    await one.say("go on [tokens=150 delay=30]")
    await expect(answers(one.page)).to_contain_text("tok20")
    await one.page.reload()
    await expect(answers(one.page)).to_contain_text("tok30")
    await finished(one.page)
    assert await answers(one.page).all_inner_texts() == [tokens(150)]
    await expect(one.page.locator(".turn.user")).to_have_count(1)
    await one.page.reload()
    await finished(one.page)
    assert await answers(one.page).all_inner_texts() == [tokens(150)]


async def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_taken_up_again(visit, base_url):
    async with wire_to(base_url) as wire:
        one = await (await visit(wire.url)).sign_in()
        await one.say("drop me [tokens=120 delay=30]")
        for seen in ("tok10", "tok40"):
            await expect(answers(one.page)).to_contain_text(seen)
            assert wire.cut() > 0
        await finished(one.page)
        assert await answers(one.page).all_inner_texts() == [tokens(120)]


async def test_a_second_browser_sees_the_same_answer_while_it_is_written(visit):
    one = await (await visit()).sign_in()
    await one.say("share [tokens=150 delay=30]")
    other = await (await visit()).sign_in()
    await other.open(f"#/chat/{await one.thread_id()}")
    for each in (one, other):
        await finished(each.page)
        assert await answers(each.page).all_inner_texts() == [tokens(150)]


async def test_an_attempt_that_breaks_off_is_withdrawn(visit):
    one = await (await visit()).sign_in()
    await one.say("break off once [tokens=30 delay=5] [reset after=5 times=1]")
    await finished(one.page)
    assert await answers(one.page).all_inner_texts() == [tokens(30)]


async def test_a_run_that_fails_says_why_at_once_and_after_a_reload(visit):
    one = await (await visit()).sign_in()
    await one.say("refuse [error=400]")
    for _ in range(2):
        await finished(one.page)
        await expect(one.page.locator(".note.bad")).to_contain_text("MODEL_REJECTED")
        await one.page.reload()


async def test_a_message_that_is_refused_is_given_back(visit, client):
    one = await (await visit()).sign_in()
    await one.say("first [tokens=1]")
    await finished(one.page)
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
        await finished(one.page)
        text = answers(one.page)
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


async def test_a_plan_is_shown_and_waits_until_it_is_approved(visit, fake_model):
    fake_model.script("[say=What is no plan makes the question its one step.]", "[say=I looked.]", "[say=The report.]")
    one = await (await visit()).sign_in()
    await one.page.get_by_label("Agent", exact=True).select_option("researcher")
    await one.say("Look around")
    plan = one.page.get_by_role("region", name="Plan")
    await expect(plan.get_by_role("listitem")).to_have_text("Look around")
    await expect(plan.locator("[data-state]")).to_have_count(0)
    await one.page.get_by_role("button", name="Approve").click()
    for _ in range(2):
        await finished(one.page)
        await expect(plan.locator("[data-state=done]")).to_have_count(1)
        assert await answers(one.page).all_inner_texts() == ["I looked.", "The report."]
        await one.page.reload()


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
    await expect(answers(one.page)).to_have_text(tokens(2))


async def offers(client, method: str, path: str) -> bool:
    """Whether the API has this route (others are building it)."""
    document = (await client.get(str(client.base_url.copy_with(path="/openapi.json")))).json()
    return method in document["paths"].get(path, {})


async def test_a_thread_is_deleted_after_a_second_thought(visit, client):
    if not await offers(client, "delete", "/api/v1/agent/threads/{thread_id}"):
        pytest.skip("the API has no DELETE /agent/threads/{id} yet")
    one = await (await visit()).sign_in()
    await one.say("delete me [tokens=2 delay=1]")
    await finished(one.page)
    link = one.page.get_by_role("link", name="delete me")
    remove = one.page.get_by_role("button", name=re.compile("^Delete “delete me"))
    await remove.click()
    await one.page.get_by_role("button", name="Cancel").click()
    await expect(link).to_have_count(1)
    await remove.click()
    await one.page.get_by_role("button", name="Delete", exact=True).click()
    await expect(link).to_have_count(0)
    await expect(one.page.get_by_role("heading", name="What shall we do?")).to_be_visible()


async def test_a_session_that_ends_elsewhere_leads_to_the_login_and_back_to_the_same_page(visit):
    one = await (await visit()).sign_in()
    await one.page.get_by_role("link", name="Runs", exact=True).click()
    await one.page.context.clear_cookies()
    await one.page.reload()
    await one.fill_login()
    await expect(one.page.get_by_role("heading", name="Runs")).to_be_visible()
    await one.page.get_by_role("button", name="Log out").click()
    await expect(one.page.get_by_label("Password")).to_be_visible()
    await one.page.reload()
    await expect(one.page.get_by_label("Password")).to_be_visible()


async def test_the_keyboard_alone_is_enough(visit):
    one = await (await visit()).sign_in()
    await one.page.keyboard.type("typed [tokens=3 delay=1]")
    await one.page.keyboard.press("Enter")
    await finished(one.page)
    await one.page.get_by_role("button", name="Skip to content").focus()
    await one.page.keyboard.press("Enter")
    await expect(one.page.locator("main")).to_be_focused()
