"""The agents at work over HTTP: the researcher from plan to cited report, and the options that change a run."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr

from agents_backend.agents import sandbox_tools
from agents_backend.settings import AgentSettings, ModelConfig, ModelSettings, Settings, VendorSettings
from tests.api.test_chat import CHAT, body, chat, read, text_of
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI, Say
from tests.fakes.search_server import FakeSearch
from tests.fakes.vendor_servers import FakeAnthropic
from tests.fakes.wire import Asked, Server, answer
from tests.serving import serving

SECRET = "sk-never-shown"
PLAN = Say(
    json.dumps({"title": "Tides", "steps": [{"title": "The moon"}, {"title": "The sun", "description": "Less."}]})
)
LONG = "The moon pulls the water of the sea towards itself, twice a day. " * 8


@dataclass
class House:
    """What the tests of this file share."""

    client: httpx.AsyncClient
    model: FakeOpenAI
    claude: FakeAnthropic
    pages: Server
    settings: Settings

    def asked(self, count: int) -> list[dict]:
        """The last requests that the model got."""
        return self.model.requests[-count:]


async def page(asked: Asked, writer: asyncio.StreamWriter) -> None:
    html = (
        f"<html><head><title>About {asked.path[1:]}</title></head><body><article><p>{LONG}</p></article></body></html>"
    )
    await answer(writer, html, kind="text/html")


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    async with (
        running_stack() as stack,
        FakeOpenAI() as model,
        FakeAnthropic() as claude,
        Server(page) as pages,
        FakeSearch() as search,
    ):
        names = {"fake": {}, "thinker": {"reasoning_effort": "high"}, "plain": {"tools": False}, "backup": {}}
        configs = tuple(
            ModelConfig(name=name, model=name, base_url=model.base_url, api_key=SecretStr(SECRET), **more)
            for name, more in names.items()
        )
        key = SecretStr("key")
        configs += (
            ModelConfig(
                name="claude", provider="anthropic", model="claude-sonnet-4-6", base_url=claude.url, api_key=key
            ),
        )
        search.results = [{"title": f"All of the {n}", "url": f"{pages.url}/{n}", "text": n} for n in ("moon", "sun")]
        settings = settings_for(
            stack,
            models=ModelSettings(list=configs, default="fake", reasoning="thinker", fallbacks=("backup",)),
            vendors=VendorSettings(searxng_url=search.url),
            agents=AgentSettings(fetch_allow_loopback=True),
        )
        async with serving(settings) as client:
            yield House(client, model, claude, pages, settings)


def research(pages: Server) -> list[str]:
    """What the model says in each call of two tasks and the report."""
    return [
        '[tool:web_search {"query": "tides"}]',
        f'[toolloop=9 fetch_page {{"url": "{pages.url}/moon"}}]',
        Say("The moon does it."),
        Say("The sun helps."),
        Say("The moon [1] and the sun [2] do it [7], says https://invented.example/x."),
    ]


def tools_of(request: dict) -> set[str]:
    return {tool["function"]["name"] for tool in request.get("tools") or ()}


def titles(events: list[dict]) -> list[list[str]]:
    plans = [event["snapshot"]["plan"] for event in events if event["type"] == "STATE_SNAPSHOT"]
    return [[step["title"] for step in plan["steps"]] for plan in plans]


async def resume(house: House, run_id: str, **answers) -> list[dict]:
    given = await house.client.post(f"/agent/runs/{run_id}/resume", json=answers)
    assert given.status_code == 200, given.text
    async with house.client.stream("GET", f"/agent/runs/{run_id}/stream") as response:
        return [event for _, event in await read(response)]


async def test_the_researcher_cites_the_pages_that_it_really_saw_and_no_other(house):
    house.model.script(PLAN, *research(house.pages))
    response, events = await chat(
        house.client, "tides?", agent_name="researcher", auto_accept_plan=True, enable_web_search=True
    )
    assert events[-1]["outcome"]["type"] == "success", events[-1]
    assert titles(events) == [["The moon", "The sun"]]
    steps = [(event["type"], event["stepName"]) for event in events if event["type"].startswith("STEP_")]
    assert steps == [(f"STEP_{phase}", name) for name in ("The moon", "The sun") for phase in ("STARTED", "FINISHED")]
    report = [event for event in events if event["type"] == "TEXT_MESSAGE_START"][-1]["messageId"]
    text = text_of([event for event in events if event.get("messageId") == report])
    assert text.startswith("The moon [1] and the sun [2] do it ,")
    assert f"1. [All of the moon]({house.pages.url}/moon)" in text
    assert f"2. [All of the sun]({house.pages.url}/sun)" in text
    assert "invented.example" not in text
    assert "[7]" not in text
    stored = (await house.client.get(f"/agent/threads/{response.headers['X-Thread-Id']}/messages")).json()["items"]
    assert stored[-1]["content"] == text
    assert "pulls the water" in json.dumps(house.asked(1)[0])


async def test_a_plan_waits_for_its_human_who_may_have_it_done_anew_or_write_it(house):
    again = Say(json.dumps({"steps": [{"title": "The wind"}]}))
    house.model.script(PLAN, again, Say("The sun alone."), Say("It is the sun."))
    response, events = await chat(house.client, "tides?", agent_name="researcher")
    run_id = response.headers["X-Run-Id"]
    asked = events[-1]["outcome"]["interrupts"]
    assert [question["reason"] for question in asked] == ["plan_review"]
    assert asked[0]["message"] == "1. The moon\n2. The sun"
    events = await resume(house, run_id, decision="reject", feedback="Look at the wind.")
    assert events[-1]["outcome"]["type"] == "interrupt"
    told = house.asked(1)[0]["messages"]
    assert told[-1]["content"] == "Look at the wind."
    assert "The moon" in told[-2]["content"]
    nonsense = {"decision": "edit", "answers": {"steps": []}}
    refused = await house.client.post(f"/agent/runs/{run_id}/resume", json=nonsense)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["loc"] == ["body", "answers"]
    events = await resume(house, run_id, decision="edit", answers=["Only the sun"])
    assert events[-1]["outcome"]["type"] == "success", events[-1]
    assert titles(events) == [["The moon", "The sun"], ["The wind"], ["Only the sun"]]
    assert text_of(events).endswith("It is the sun.")
    assert "Your task: Only the sun" in house.asked(2)[0]["messages"][-1]["content"]


async def test_an_approved_plan_is_carried_out_as_it_stands(house):
    house.model.script(PLAN, Say("One."), Say("Two."), Say("Both."))
    response, _ = await chat(house.client, "tides?", agent_name="researcher")
    events = await resume(house, response.headers["X-Run-Id"], decision="approve")
    assert titles(events) == [["The moon", "The sun"]]
    assert text_of(events) == "One.Two.Both."


async def test_a_model_without_tools_gets_a_plan_of_one_step_and_no_declarations(house):
    house.model.script(Say("I cannot plan."), Say("Because."), Say("So it is."))
    _, events = await chat(
        house.client, "why?", agent_name="researcher", model="plain", auto_accept_plan=True, enable_web_search=True
    )
    assert titles(events) == [["why?"]]
    assert not any(tools_of(request) for request in house.asked(3))
    assert text_of(events) == "Because.So it is."


async def test_web_search_is_offered_when_it_is_switched_on_and_only_then(house):
    await chat(house.client, "hi [say=hello]", enable_web_search=True)
    assert "web_search" in tools_of(house.asked(1)[0])
    _, events = await chat(house.client, 'look [tool:web_search {"query": "x"}]')
    assert "web_search" not in tools_of(house.asked(1)[0])
    results = [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert results[0].startswith("There is no tool named web_search.")


async def test_a_page_that_may_not_be_fetched_is_told_to_the_model_and_ends_no_run(house):
    _, events = await chat(house.client, 'look [tool:fetch_page {"url": "http://169.254.169.254/"}]')
    assert [e["content"] for e in events if e["type"] == "TOOL_CALL_RESULT"] == ["Only public addresses are allowed."]
    assert events[-1]["outcome"]["type"] == "success"


async def test_deep_thinking_asks_the_reasoning_model_and_shows_its_thoughts_apart(house):
    text = "think [reasoning=let me see][say=done]"
    _, events = await chat(house.client, text, enable_deep_thinking=True)
    kinds = [event["type"] for event in events]
    assert "".join(e["delta"] for e in events if e["type"] == "REASONING_MESSAGE_CONTENT") == "let me see "
    assert kinds.index("REASONING_END") < kinds.index("TEXT_MESSAGE_START")
    assert house.asked(1)[0]["model"] == "thinker"
    assert house.asked(1)[0]["reasoning_effort"] == "high"
    _, plain = await chat(house.client, text)
    assert not [event for event in plain if event["type"].startswith("REASONING")]
    assert house.asked(1)[0]["model"] == "fake"
    assert text_of(events) == text_of(plain) == "done"


async def test_the_locale_is_in_the_model_s_instructions(house):
    await chat(house.client, "hallo [say=ja]", locale="de-DE")
    system = house.asked(1)[0]["messages"][0]
    assert system["role"] == "system"
    assert "de-DE" in system["content"]


async def test_a_named_model_answers_and_an_unknown_one_is_a_400_that_lists_them(house):
    response, events = await chat(house.client, "hi [say=hello]", model="backup")
    assert events[-1]["usage"][0]["model"] == "backup"
    stored = (await house.client.get(f"/agent/threads/{response.headers['X-Thread-Id']}/messages")).json()["items"]
    assert stored[-1]["model"] == "backup"
    refused = await house.client.post(CHAT, json=body("hi", model="nobody"))
    assert refused.status_code == 400
    assert "fake, thinker, plain, backup, claude" in refused.json()["detail"]


async def test_where_the_first_model_fails_before_its_first_token_the_fallback_answers_and_is_named(house):
    _, events = await chat(house.client, "overload [error=429 retry_after=50 times=1][say=here]")
    assert text_of(events) == "here"
    assert [request["model"] for request in house.asked(2)] == ["fake", "backup"]
    assert events[-1]["outcome"]["type"] == "success"
    assert events[-1]["usage"][0]["model"] == "backup"


async def test_an_overloaded_model_is_asked_again_when_it_said_and_nothing_is_withdrawn(client, fake_model):
    before = len(fake_model.requests)
    _, events = await chat(client, "busy [error=429 retry_after=1 times=1][say=here]")
    assert text_of(events) == "here"
    assert not [event for event in events if event["type"] == "CUSTOM"]
    assert len(fake_model.requests) == before + 2


async def test_anthropic_gets_its_thinking_back_with_the_results_of_its_tools(house):
    text = "[think=let me see][tool:current_time {}][say=it is late]"
    _, events = await chat(house.client, text, model="claude", enable_deep_thinking=True)
    assert events[-1]["outcome"]["type"] == "success", events[-1]
    assert text_of(events) == "it is late"
    assert "".join(e["delta"] for e in events if e["type"] == "REASONING_MESSAGE_CONTENT") == "let me see " * 2
    said = next(m for m in house.claude.asked[-1].json["messages"] if m["role"] == "assistant")["content"]
    assert said[0] == {"type": "thinking", "thinking": "let me see ", "signature": "signed"}
    assert said[1]["type"] == "tool_use"


async def test_the_config_tells_all_that_can_be_used_and_no_secret(house):
    answer = await house.client.get("/agent/config")
    assert answer.status_code == 200, answer.text
    config = answer.json()
    assert [agent["name"] for agent in config["agents"] if agent["is_default"]] == ["chat"]
    assert [model["name"] for model in config["models"]] == ["fake", "thinker", "plain", "backup", "claude"]
    assert [model["reasoning"] for model in config["models"]] == [False, True, False, False, True]
    assert config["default_model"] == "fake"
    assert config["reasoning_model"] == "thinker"
    assert config["fallback_models"] == ["backup"]
    of_sandboxes = [
        tool.name for tool in (*sandbox_tools.tools_of_the_box(), sandbox_tools.SAVE_ARTIFACT)
    ]  # here are none
    assert {tool["name"]: tool["available"] for tool in config["tools"]} == {
        **dict.fromkeys(("ask_human", "current_time", "web_search", "fetch_page", "retrieve"), True),
        **dict.fromkeys(of_sandboxes, False),
    }
    assert config["web_search"] == {"enabled": True, "provider": "searxng", "reason": None}
    assert config["limits"]["max_steps"] == house.settings.agents.max_steps
    assert config["notice"] is None
    assert SECRET not in answer.text
    assert house.model.base_url not in answer.text


async def test_without_a_search_provider_the_config_says_so(client):
    config = (await client.get("/agent/config")).json()
    found = next(tool for tool in config["tools"] if tool["name"] == "web_search")
    assert not found["available"]
    assert "TAVILY_API_KEY" in found["reason"]
    assert not config["web_search"]["enabled"]


async def test_nobody_reads_the_config_without_signing_in(base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        assert (await anonymous.get("/agent/config")).status_code == 401
