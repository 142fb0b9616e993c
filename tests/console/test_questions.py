"""What a run asks its human: approvals, questions, plans."""

import pytest
from playwright.async_api import expect

from tests.api.test_chat import body
from tests.console.conftest import tokens

pytestmark = pytest.mark.browser


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
    await one.finished()
    await expect(card).to_be_hidden()
    await expect(one.page.locator("details.tool pre").last).to_contain_text("+09:00")
    assert await one.answers.last.inner_text() == tokens(100)


async def test_a_call_that_is_rejected_does_not_run_and_the_agent_is_told_why(visit, client):
    thread = await held_run(client, "{}")
    one = await (await visit()).sign_in()
    await one.open(f"#/chat/{thread}")
    await one.page.get_by_role("button", name="Reject…").click()
    await one.page.get_by_label("Why?").fill("not now")
    await one.page.get_by_role("button", name="Reject", exact=True).click()
    await one.finished()
    await expect(one.page.locator("details.tool pre").last).to_have_text("The user refused this call. not now")


async def test_calls_that_wait_together_are_approved_together(visit, client):
    both = body(
        'both [tool:current_time {"timezone": "Asia/Tokyo"}] [tool:current_time {}]',
        interrupt_before_tools=["current_time"],
    )
    thread = (await client.post("/agent/chat/stream", json=both)).headers["X-Thread-Id"]
    one = await (await visit()).sign_in()
    await one.open(f"#/chat/{thread}")
    await expect(one.page.get_by_role("button", name="Edit…")).to_have_count(0)
    await one.page.get_by_role("button", name="Approve all").click()
    await one.finished()
    await expect(one.page.locator("details.tool summary")).to_contain_text(["done", "done"])


async def test_a_tool_that_is_ticked_waits_for_approval(visit):
    one = await (await visit()).sign_in()
    await one.page.get_by_role("button", name="More", exact=True).click()
    await one.page.get_by_role("checkbox", name="current_time").check()
    await one.page.keyboard.press("Escape")
    await one.say("time [tool:current_time {}]")
    await one.page.get_by_role("button", name="Approve", exact=True).click()
    await one.finished()
    await expect(one.page.locator("details.tool summary")).to_contain_text("done")


async def test_a_question_of_the_agent_is_answered_by_one_of_its_options(visit):
    one = await (await visit()).sign_in()
    await one.say('ask [tool:ask_human {"question": "Which colour?", "options": ["Blue", "Red"]}]')
    await expect(one.page.get_by_text("Which colour?", exact=True)).to_be_visible()
    await one.page.get_by_role("button", name="Blue", exact=True).click()
    await one.finished()
    await expect(one.page.locator("details.tool pre").last).to_contain_text("Blue")


async def test_two_questions_one_after_the_other_are_both_asked(visit):
    one = await (await visit()).sign_in()
    await one.say('ask twice [toolloop=2 ask_human {"question": "Go on?"}]')
    for number in (1, 2):
        await expect(one.page.locator("details.tool")).to_have_count(number)
        await one.page.get_by_label("Your answer").fill(f"answer {number}")
        await one.page.get_by_role("button", name="Answer", exact=True).click()
    await one.finished()
    await expect(one.page.locator("details.tool pre").last).to_contain_text("answer 2")


async def test_a_plan_is_shown_and_waits_until_it_is_approved(visit, fake_model):
    fake_model.script("[say=What is no plan makes the question its one step.]", "[say=I looked.]", "[say=The report.]")
    one = await (await visit()).sign_in()
    await one.page.get_by_label("Agent", exact=True).select_option("researcher")
    await one.say("Look around")
    plan = one.page.get_by_role("region", name="Plan")
    await expect(plan.get_by_role("listitem")).to_have_text("Look around")
    await expect(plan.locator("[data-state]")).to_have_count(0)
    await one.page.get_by_role("button", name="Approve", exact=True).click()
    for _ in range(2):
        await one.finished()
        await expect(plan.locator("[data-state=done]")).to_have_count(1)
        assert await one.answers.all_inner_texts() == ["I looked.", "The report."]
        await one.page.reload()
