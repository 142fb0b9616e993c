"""Prose and better prompts over HTTP: whole, streamed, later, and never a failure dressed up as an answer."""

import asyncio
import json
import uuid

import httpx
import pytest

from tests.api.test_speech import ended, unique
from tests.fakes.openai_server import FakeOpenAI
from tests.streams import read, text_of

PROSE = "/agent/generation/prose"
ENHANCE = "/agent/generation/enhance-prompt"


@pytest.mark.parametrize("option", ["continue", "improve", "fix", "shorter", "longer"])
async def test_each_option_answers_what_the_model_wrote(client, fake_model: FakeOpenAI, option):
    text = unique("[say=A better text.] Some text")
    answer = await client.post(PROSE, json={"prompt": text, "option": option, "command": ""})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"result": "A better text.", "method": "model"}
    asked = next(body for body in fake_model.requests if text in body["messages"][-1]["content"])
    assert asked["messages"][0]["role"] == "system"
    assert asked["messages"][-1]["content"] == f"<text>\n{text}\n</text>"
    run = await ended(client, answer.headers["X-Run-Id"])
    assert run["usage"]["output_tokens"] > 0
    assert run["cost_usd"] > 0


async def test_zap_carries_the_command_out_and_needs_one(client, fake_model):
    text = unique("[say=Ahoy.] Hello")
    answer = await client.post(PROSE, json={"prompt": text, "option": "zap", "command": "Make it piratical"})
    assert answer.json()["result"] == "Ahoy."
    asked = next(body for body in fake_model.requests if text in body["messages"][-1]["content"])
    assert "<command>\nMake it piratical\n</command>" in asked["messages"][-1]["content"]
    for command in ("", "   "):
        refused = await client.post(PROSE, json={"prompt": text, "option": "zap", "command": command})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["loc"] == ["body", "command"]


async def test_prose_is_streamed_when_it_is_asked_for(client):
    body = {"prompt": unique("[tokens=20 delay=5] Some text"), "option": "longer"}
    async with client.stream("POST", PROSE, json=body, headers={"Accept": "text/event-stream"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [event for _, event in await read(response)]
    assert (events[0]["type"], events[-1]["type"]) == ("RUN_STARTED", "RUN_FINISHED")
    run = await ended(client, response.headers["X-Run-Id"])
    stored = await client.get(run["artifacts"][0]["url"].removeprefix("/api/v1"))
    assert stored.text == text_of(events).strip()


@pytest.mark.parametrize(
    ("style", "says"),
    [("academic", "method"), ("POPULAR_SCIENCE", "example"), ("social-media", "hashtags"), (None, "")],
)
async def test_a_prompt_is_made_better_in_a_style(client, fake_model, style, says):
    prompt = unique("[say=# Task] Write about tea")
    answer = await client.post(ENHANCE, json={"prompt": prompt, "context": "for a shop", "report_style": style})
    assert answer.json()["result"] == "# Task"
    asked = next(body for body in fake_model.requests if prompt in body["messages"][-1]["content"])
    assert says in asked["messages"][0]["content"]
    assert "for a shop" in asked["messages"][-1]["content"]


async def test_a_model_that_fails_is_an_error_and_never_the_original_text(client):
    prompt = unique("[error=400] Some text")
    answer = await client.post(PROSE, json={"prompt": prompt, "option": "improve"})
    assert (answer.status_code, answer.json()["code"]) == (502, "MODEL_REJECTED")
    assert "Some text" not in answer.text
    assert "secret-body" not in answer.text


async def test_a_model_that_breaks_off_once_is_asked_again_and_its_first_words_are_withdrawn(client):
    body = {"prompt": unique("[tokens=10 delay=5] [reset after=4 times=1]"), "option": "continue"}
    async with client.stream("POST", PROSE, json=body, headers={"Accept": "text/event-stream"}) as response:
        events = [event for _, event in await read(response)]
    gone = [event["value"]["messageId"] for event in events if event.get("name") == "message.discarded"]
    kept = [e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT" and e["messageId"] not in gone]
    assert len(gone) == 1
    assert "".join(kept).split() == [f"tok{number}" for number in range(10)]


async def test_a_cancelled_text_keeps_what_was_written(client):
    body = {"prompt": unique("[tokens=400 delay=50]"), "option": "longer"}
    async with client.stream("POST", PROSE, json=body, headers={"Accept": "text/event-stream"}) as response:
        run_id, events = response.headers["X-Run-Id"], []
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
            if len(events) == 5:
                await client.post(f"/agent/runs/{run_id}/cancel")
    assert events[-1]["outcome"]["type"] == "cancelled"
    run = await ended(client, run_id)
    assert run["artifacts"][0]["details"]["partial"] is True
    stored = await client.get(run["artifacts"][0]["url"].removeprefix("/api/v1"))
    assert stored.text == text_of(events).strip()


async def test_the_same_key_writes_once_also_when_two_ask_at_once(client, fake_model):
    text, headers = unique("[say=Once.] Some text"), {"Idempotency-Key": uuid.uuid4().hex}
    body = {"prompt": text, "option": "fix"}
    both = await asyncio.gather(*(client.post(PROSE, json=body, headers=headers) for _ in range(2)))
    assert both[0].json() == both[1].json()
    assert both[0].headers["X-Run-Id"] == both[1].headers["X-Run-Id"]
    assert sum(text in body["messages"][-1]["content"] for body in fake_model.requests) == 1
    later = await client.post(PROSE, json=body, headers={"Prefer": "respond-async"})
    assert (later.status_code, later.json()["kind"]) == (202, "prose")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prompt": "", "option": "fix"}, 400),
        ({"prompt": "  \n", "option": "fix"}, 400),
        ({"prompt": "x", "option": "sing"}, 400),
        ({"prompt": "x"}, 400),
        ({"prompt": 1, "option": "fix"}, 400),
        ({"prompt": "x" * 200_001, "option": "fix"}, 413),
    ],
)
async def test_bad_prose_is_one_clear_error(client, body, status):
    assert (await client.post(PROSE, json=body)).status_code == status


async def test_an_unknown_style_lists_the_known_ones(client):
    answer = await client.post(ENHANCE, json={"prompt": "x", "report_style": "haiku"})
    assert answer.status_code == 400
    assert "academic" in answer.text


async def test_nobody_writes_without_signing_in(base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        assert (await anonymous.post(PROSE, json={"prompt": "x", "option": "fix"})).status_code == 401
        assert (await anonymous.post(ENHANCE, json={"prompt": "x"})).status_code == 401
