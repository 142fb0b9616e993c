"""Threads, and what happens when two runs want one."""

import asyncio

import httpx

from tests.streams import CHAT, body, chat, read, rejoin, text_of


async def other_run(client: httpx.AsyncClient, thread: str, strategy: str) -> tuple[str, list[dict]]:
    response, events = await chat(client, "[say=the second]", thread_id=thread, multitask_strategy=strategy)
    return response.headers["X-Run-Id"], events


async def test_interrupt_ends_the_first_run_keeps_its_text_and_answers_the_second(client):
    async with client.stream("POST", CHAT, json=body("first [tokens=500 delay=10]")) as first:
        thread, run_id, seen = first.headers["X-Thread-Id"], first.headers["X-Run-Id"], []
        async for line in first.aiter_lines():
            seen.append(line)
            if sum(line.startswith("data: ") for line in seen) == 5:
                break
        _, events = await other_run(client, thread, "interrupt")
    assert text_of(events) == "the second"
    assert (await rejoin(client, run_id))[-1][1]["outcome"]["type"] == "cancelled"
    stored = (await client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert [m["content"] for m in stored][-1] == "the second"
    assert any(m["is_partial"] and m["content"].startswith("tok0") for m in stored)


async def test_rollback_ends_the_first_run_and_forgets_what_it_said(client):
    async with client.stream("POST", CHAT, json=body("first [tokens=500 delay=10]")) as first:
        thread, lines = first.headers["X-Thread-Id"], 0
        async for line in first.aiter_lines():
            lines += line.startswith("data: ")
            if lines == 5:
                break
        await other_run(client, thread, "rollback")
    stored = (await client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert [m["content"] for m in stored] == ["[say=the second]", "the second"]


async def test_queued_runs_begin_in_their_order_and_a_cancelled_one_never_begins(client):
    async with client.stream("POST", CHAT, json=body("first [tokens=60 delay=10]")) as first:
        thread = first.headers["X-Thread-Id"]
        queued = [
            asyncio.create_task(chat(client, f"[say={n}]", thread_id=thread, multitask_strategy="enqueue"))
            for n in ("two", "three")
        ]
        while (await client.get("/agent/runs", params={"thread_id": thread, "status": "queued"})).json()["total"] < 2:
            await asyncio.sleep(0.02)
        newest = (await client.get("/agent/runs", params={"thread_id": thread})).json()["items"][0]
        assert (await client.post(f"/agent/runs/{newest['id']}/cancel")).json()["status"] == "cancelled"
        await read(first)
    endings = [(await task)[1][-1]["outcome"]["type"] for task in queued]
    assert sorted(endings) == ["cancelled", "success"]


async def test_a_deleted_thread_is_gone_with_its_messages_and_its_name_is_free(client):
    response, _ = await chat(client, "[say=a secret]", thread_id="a name of mine")
    assert response.headers["X-Thread-Id"] == "a name of mine"
    path = "/agent/threads/a%20name%20of%20mine"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 404
    assert all(t["id"] != "a name of mine" for t in (await client.get("/agent/threads")).json()["items"])
    await chat(client, "[say=afresh]", thread_id="a name of mine")
    assert len((await client.get(f"{path}/messages")).json()["items"]) == 2


async def test_a_thread_with_an_active_run_cannot_be_deleted(client):
    async with client.stream("POST", CHAT, json=body("busy [tokens=2000 delay=20]")) as response:
        thread, run_id = response.headers["X-Thread-Id"], response.headers["X-Run-Id"]
        refused = await client.delete(f"/agent/threads/{thread}")
        assert (refused.status_code, refused.json()["code"]) == (409, "THREAD_BUSY")
        await client.post(f"/agent/runs/{run_id}/cancel")
        await read(response)
    assert (await client.delete(f"/agent/threads/{thread}")).status_code == 204


async def test_a_pair_at_once_with_one_key_makes_one_run(client):
    headers, payload = {"Idempotency-Key": "pair"}, body("pair [tokens=3 delay=1]")
    answers = await asyncio.gather(*(client.post(CHAT, json=payload, headers=headers) for _ in range(10)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.headers["X-Run-Id"] for a in answers}) == 1
