"""The main job: a chat run over HTTP, through Temporal, and back, token by token."""

import asyncio
import json

import httpx

from tests.fakes.openai_server import FakeOpenAI
from tests.streams import CHAT, body, chat, read, text_of


async def test_a_chat_streams_its_answer_and_stores_the_same_text(client):
    response, events = await chat(client, "hello [tokens=20 delay=5]")
    kinds = [event["type"] for event in events]
    assert kinds[0] == "RUN_STARTED"
    assert kinds[-1] == "RUN_FINISHED"
    assert kinds.count("RUN_FINISHED") == 1
    assert events[-1]["outcome"]["type"] == "success"
    assert events[-1]["usage"][0]["outputTokens"] > 0
    thread = response.headers["X-Thread-Id"]
    stored = (await client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert stored[1]["content"] == text_of(events)
    run = (await client.get(f"/agent/runs/{response.headers['X-Run-Id']}")).json()
    assert run["status"] == "succeeded"
    assert run["usage"]["output_tokens"] > 0


async def test_a_client_that_rejoins_sees_each_event_once_and_in_order(client):
    async with client.stream("POST", CHAT, json=body("rejoin me [tokens=60 delay=5]")) as response:
        run_id, seen = response.headers["X-Run-Id"], []
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                seen.append(line[4:])
            if len(seen) == 6:
                break
    async with client.stream("GET", f"/agent/runs/{run_id}/stream", headers={"Last-Event-ID": seen[-1]}) as again:
        rest = await read(again)
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as whole:
        everything = await read(whole)
    assert seen + [event_id for event_id, _ in rest] == [event_id for event_id, _ in everything]
    assert everything[-1][1]["type"] == "RUN_FINISHED"


async def test_a_cancelled_run_keeps_what_was_written_and_closes_its_upstream_call(client, fake_model: FakeOpenAI):
    before = len(fake_model.closed_early)
    async with client.stream("POST", CHAT, json=body("cancel me [tokens=2000 delay=20]")) as response:
        run_id, events = response.headers["X-Run-Id"], []
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
            if len(events) == 5:
                answer = await client.post(f"/agent/runs/{run_id}/cancel")
                assert answer.status_code == 200, answer.text
    assert events[-1]["type"] == "RUN_FINISHED"
    assert events[-1]["outcome"]["type"] == "cancelled"
    assert len(fake_model.closed_early) == before + 1
    stored = (await client.get(f"/agent/threads/{response.headers['X-Thread-Id']}/messages")).json()["items"]
    assert stored[-1]["is_partial"]
    assert stored[-1]["content"] == text_of(events)


async def test_a_tool_that_needs_approval_waits_and_runs_with_the_human_s_edit(client):
    held = {"interrupt_before_tools": ["current_time"]}
    response, events = await chat(client, 'time [tool:current_time {"timezone": "UTC"}]', **held)
    assert events[-1]["outcome"]["type"] == "interrupt"
    assert not [event for event in events if event["type"] == "TOOL_CALL_RESULT"]
    run_id = response.headers["X-Run-Id"]
    answer = {"decision": "edit", "answers": {"timezone": "Asia/Tokyo"}}
    resumed = await client.post(f"/agent/runs/{run_id}/resume", json=answer)
    assert resumed.status_code == 200, resumed.text
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as again:
        whole = [event for _, event in await read(again)]
    results = [event["content"] for event in whole if event["type"] == "TOOL_CALL_RESULT"]
    assert len(results) == 1
    assert results[0].endswith("+09:00")
    assert [event["type"] for event in whole].count("RUN_STARTED") == 1
    assert whole[-1]["outcome"]["type"] == "success"


async def test_two_tools_run_side_by_side_and_the_answer_follows(client):
    _, events = await chat(client, 'both [tool:current_time {}] [tool:current_time {"timezone": "Asia/Tokyo"}]')
    assert len([event for event in events if event["type"] == "TOOL_CALL_RESULT"]) == 2
    assert events[-1]["outcome"]["type"] == "success"


async def test_a_model_that_refuses_ends_the_run_with_one_typed_error(client):
    _, events = await chat(client, "refuse [error=400]")
    assert events[-1]["type"] == "RUN_ERROR"
    assert events[-1]["code"] == "MODEL_REJECTED"


async def test_a_model_call_that_breaks_off_is_tried_again_without_mixing_two_texts(client):
    response, events = await chat(client, "break once [tokens=30 delay=5] [reset after=5 times=1]")
    withdrawn = [event["value"]["messageId"] for event in events if event["type"] == "CUSTOM"]
    assert len(withdrawn) == 1
    kept = [e for e in events if e["type"] == "TEXT_MESSAGE_CONTENT" and e["messageId"] not in withdrawn]
    stored = (await client.get(f"/agent/threads/{response.headers['X-Thread-Id']}/messages")).json()["items"]
    assert stored[-1]["content"] == text_of(kept)


async def test_a_second_run_on_a_busy_thread_is_refused_unless_it_queues(client):
    async with client.stream("POST", CHAT, json=body("long [tokens=100 delay=10]")) as first:
        thread = first.headers["X-Thread-Id"]
        refused = await client.post(CHAT, json=body("second", thread_id=thread))
        assert refused.status_code == 409
        assert refused.json()["code"] == "THREAD_BUSY"
        queued = asyncio.create_task(
            chat(client, "queued [tokens=5 delay=1]", thread_id=thread, multitask_strategy="enqueue")
        )
        assert (await read(first))[-1][1]["type"] == "RUN_FINISHED"
    _, events = await queued
    assert events[-1]["outcome"]["type"] == "success"


async def test_the_same_idempotency_key_gives_the_same_run_and_another_body_a_conflict(client):
    headers, payload = {"Idempotency-Key": "key-1"}, body("once [tokens=3 delay=1]")
    async with client.stream("POST", CHAT, json=payload, headers=headers) as first:
        await read(first)
    async with client.stream("POST", CHAT, json=payload, headers=headers) as second:
        assert (await read(second))[-1][1]["type"] == "RUN_FINISHED"
    assert first.headers["X-Run-Id"] == second.headers["X-Run-Id"]
    other = await client.post(CHAT, json=body("another"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


async def test_a_thread_or_run_that_is_not_there_is_a_404(client):
    nobody = "00000000-0000-4000-8000-000000000000"
    assert (await client.post(CHAT, json=body("x", thread_id=nobody))).status_code == 404
    for path in (f"/agent/runs/{nobody}", f"/agent/runs/{nobody}/stream", f"/agent/threads/{nobody}/messages"):
        assert (await client.get(path)).status_code == 404
    assert (await client.post(f"/agent/runs/{nobody}/cancel")).status_code == 404


async def test_an_unknown_agent_or_field_is_a_400_that_says_so(client):
    unknown = await client.post(CHAT, json=body("x", agent_name="nobody"))
    assert unknown.status_code == 400
    assert "researcher" in unknown.json()["detail"]
    assert (await client.post(CHAT, json=body("x", is_superuser=True))).status_code == 400


async def test_nobody_chats_without_signing_in(base_url, worker):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        refused = await anonymous.post(CHAT, json=body("x"))
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
