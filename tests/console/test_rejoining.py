"""A run followed over reloads, lost connections and several browsers: nothing is lost, nothing comes twice."""

import pytest
from playwright.async_api import expect

from tests.console.conftest import tokens, wire_to

pytestmark = pytest.mark.browser


async def test_a_reload_in_the_middle_of_an_answer_loses_and_doubles_nothing(visit):
    one = await (await visit()).sign_in()
    await one.say("go on [tokens=120 delay=25]")
    await expect(one.answers).to_contain_text("tok20")
    await one.page.reload()
    await expect(one.answers).to_contain_text("tok30")
    await one.finished()
    assert await one.answers.all_inner_texts() == [tokens(120)]
    await expect(one.page.locator(".turn.user")).to_have_count(1)
    await one.page.reload()
    await one.finished()
    assert await one.answers.all_inner_texts() == [tokens(120)]


async def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_taken_up_again(visit, base_url):
    async with wire_to(base_url) as wire:
        one = await (await visit(wire.url)).sign_in()
        await one.say("drop me [tokens=120 delay=25]")
        for seen in ("tok10", "tok40"):
            await expect(one.answers).to_contain_text(seen)
            assert wire.cut() > 0
        await one.finished()
        assert await one.answers.all_inner_texts() == [tokens(120)]


async def test_a_second_browser_sees_the_same_answer_while_it_is_written(visit):
    one = await (await visit()).sign_in()
    await one.say("share [tokens=120 delay=25]")
    other = await (await visit()).sign_in()
    await other.open(f"#/chat/{await one.thread_id()}")
    for each in (one, other):
        await each.finished()
        assert await each.answers.all_inner_texts() == [tokens(120)]


async def test_an_attempt_that_breaks_off_is_withdrawn(visit):
    one = await (await visit()).sign_in()
    await one.say("break off once [tokens=30 delay=5] [reset after=5 times=1]")
    await one.finished()
    assert await one.answers.all_inner_texts() == [tokens(30)]


async def test_an_event_log_that_was_lost_is_made_good_from_what_is_stored(visit, client, redis):
    one = await (await visit()).sign_in()
    await one.say("forget me [tokens=120 delay=25]")
    await expect(one.answers).to_contain_text("tok10")
    runs = await client.get("/agent/runs", params={"thread_id": await one.thread_id()})
    key = f"events:{{{runs.json()['items'][0]['id']}}}"
    assert await redis.delete(key, f"{key}:state") == 2
    await one.finished()
    assert await one.answers.all_inner_texts() == [tokens(120)]
