"""A run that asks a human, and each way to answer it."""

import json

import httpx
import pytest

from tests.streams import CHAT, body, chat, read, rejoin

ASK = 'ask [tool:ask_human {"question": "Which colour?"}]'
HELD = {"interrupt_before_tools": ["current_time"]}
TIME = 'time [tool:current_time {"timezone": "UTC"}]'


def results(events: list[dict]) -> list[str]:
    return [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]


async def answer(client: httpx.AsyncClient, payload: dict) -> list[dict]:
    async with client.stream("POST", CHAT, json=payload) as response:
        assert response.status_code == 200, await response.aread()
        return [event for _, event in await read(response)]


async def test_plain_text_on_the_waiting_thread_answers_the_question(client):
    response, events = await chat(client, ASK)
    assert events[-1]["outcome"]["interrupts"][0]["message"] == "Which colour?"
    thread = response.headers["X-Thread-Id"]
    after = await answer(client, body("blue, please", thread_id=thread))
    assert results(after) == ["blue, please"]
    assert [event["type"] for event in after].count("RUN_STARTED") == 1
    assert after[-1]["outcome"]["type"] == "success"
    said = (await client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert [m["content"] for m in said if m["role"] == "user"] == [ASK, "blue, please"]


@pytest.mark.parametrize(("text", "ran"), [("Yes.", True), ("[ACCEPTED]", True), ("rather not", False)])
async def test_plain_text_lets_a_held_tool_run_only_when_it_is_a_plain_yes(client, text, ran):
    response, events = await chat(client, TIME, **HELD)
    assert events[-1]["outcome"]["type"] == "interrupt"
    (result,) = results(await answer(client, body(text, thread_id=response.headers["X-Thread-Id"])))
    assert result.endswith("+00:00") if ran else result == f"The user refused this call. {text}"


async def test_resume_entries_answer_by_the_interrupt_s_id(client):
    response, events = await chat(client, ASK)
    (interrupt,) = events[-1]["outcome"]["interrupts"]
    entry = {"interrupt_id": interrupt["id"], "status": "resolved", "payload": {"colour": "blue"}}
    payload = {"messages": [], "thread_id": response.headers["X-Thread-Id"], "resume": [entry]}
    assert json.loads(results(await answer(client, payload))[0]) == {"colour": "blue"}


async def test_a_cancelled_entry_refuses_and_the_tool_does_not_run(client):
    response, events = await chat(client, TIME, **HELD)
    (interrupt,) = events[-1]["outcome"]["interrupts"]
    entry = {"interruptId": interrupt["id"], "status": "cancelled"}
    payload = {"thread_id": response.headers["X-Thread-Id"], "resume": [entry]}
    assert results(await answer(client, payload)) == ["The user refused this call."]


async def test_of_two_held_calls_each_is_decided_apart(client):
    both = 'both [tool:current_time {"timezone": "UTC"}] [tool:current_time {"timezone": "Asia/Tokyo"}]'
    response, events = await chat(client, both, **HELD)
    first, second = events[-1]["outcome"]["interrupts"]
    thread = response.headers["X-Thread-Id"]
    half = {"thread_id": thread, "resume": [{"interrupt_id": first["id"], "status": "resolved"}]}
    assert (await client.post(CHAT, json=half)).json()["code"] == "ANSWERS_INCOMPLETE"
    entries = [*half["resume"], {"interrupt_id": second["id"], "status": "cancelled"}]
    found = results(await answer(client, {"thread_id": thread, "resume": entries}))
    assert sorted(text.startswith("The user refused") for text in found) == [False, True]


async def test_a_repeated_answer_with_its_key_joins_the_same_leg(client):
    response, _ = await chat(client, ASK)
    payload = body("green", thread_id=response.headers["X-Thread-Id"])
    headers = {"Idempotency-Key": f"answer-{response.headers['X-Run-Id']}"}
    for _ in range(2):
        async with client.stream("POST", CHAT, json=payload, headers=headers) as again:
            assert again.headers["X-Run-Id"] == response.headers["X-Run-Id"]
            assert results([event for _, event in await read(again)]) == ["green"]
    other = await client.post(CHAT, json={**payload, "locale": "de-DE"}, headers=headers)
    assert other.json()["code"] == "IDEMPOTENCY_MISMATCH"


async def test_who_rejoins_after_an_answered_interrupt_reads_on_from_there(client):
    response, _events = await chat(client, ASK)
    run_id = response.headers["X-Run-Id"]
    before = (await rejoin(client, run_id))[-1][0]
    await answer(client, body("red", thread_id=response.headers["X-Thread-Id"]))
    rest = [event for _, event in await rejoin(client, run_id, after=before)]
    assert rest[0]["type"] == "RUN_STARTED"
    assert rest[-1]["outcome"]["type"] == "success"
    assert results(rest) == ["red"]


async def test_a_run_that_waits_twice_ends_its_stream_twice(client):
    text = 'twice [toolloop=2 ask_human {"question": "And?"}]'
    response, _events = await chat(client, text)
    thread, run_id = response.headers["X-Thread-Id"], response.headers["X-Run-Id"]
    second = await answer(client, body("one", thread_id=thread))
    assert second[-1]["outcome"]["type"] == "interrupt"
    assert [event for _, event in await rejoin(client, run_id)][-1]["outcome"]["type"] == "interrupt"
    third = await answer(client, body("two", thread_id=thread))
    assert third[-1]["outcome"]["type"] == "success"
    whole = [event for _, event in await rejoin(client, run_id)]
    assert [e["type"] for e in whole if e["type"] in {"RUN_STARTED", "RUN_FINISHED"}] == ["RUN_STARTED", "RUN_FINISHED"]
    assert results(whole) == ["one", "two"]


async def test_a_run_that_waits_can_be_cancelled(client):
    response, _ = await chat(client, ASK)
    run_id = response.headers["X-Run-Id"]
    assert (await client.post(f"/agent/runs/{run_id}/cancel")).status_code == 200
    assert (await rejoin(client, run_id))[-1][1]["outcome"]["type"] == "cancelled"
    late = await client.post(f"/agent/runs/{run_id}/resume", json={"decision": "approve"})
    assert (late.status_code, late.json()["code"]) == (409, "RUN_CLOSED")


async def test_resume_on_a_thread_that_waits_for_nothing_is_a_conflict(client):
    response, _ = await chat(client, "[say=done]")
    entry = {"interrupt_id": "x", "status": "resolved"}
    refused = await client.post(CHAT, json={"thread_id": response.headers["X-Thread-Id"], "resume": [entry]})
    assert (refused.status_code, refused.json()["code"]) == (409, "RUN_NOT_WAITING")
    nothing = await client.post(CHAT, json={"messages": []})
    assert (nothing.status_code, nothing.json()["code"]) == (400, "VALIDATION_ERROR")
