"""Runs that are paid for, over HTTP: refused without credits, charged once, added up. On servers of their own."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import func, select

from agents_backend.db.base import Database
from agents_backend.db.tables.credits import CreditEntry
from agents_backend.settings import CreditSettings, ModelConfig, ModelSettings, Settings, SpeechSettings
from tests.api.people import Admin, signed_in, until
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.running import running_worker
from tests.schedulers import create, ended, never, run_now
from tests.schedulers import read as read_scheduler
from tests.serving import serving
from tests.streams import CHAT, body, chat, read

ADD = "/agent/credits/add"
# Ten tokens are a credit, which is what a run has reserved; an hour of the clock costs two.
CREDITS = CreditSettings(
    enabled=True, per_usd=100, reserve=1, expected_output_tokens=10, tool_prices={"current_time": 0.02}
)


@pytest.fixture(scope="module")
async def paid() -> AsyncIterator[Settings]:
    async with running_stack() as stack, FakeOpenAI() as fake:
        model = ModelConfig(name="fake", model="fake", base_url=fake.base_url, output_price=1000)
        yield settings_for(
            stack, models=ModelSettings(list=(model,)), credits=CREDITS, speech=SpeechSettings(provider="embedded")
        )


@pytest.fixture(scope="module")
async def admin(paid: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(paid) as client, running_worker(paid, ["background"]):
        yield client


@asynccontextmanager
async def somebody(admin: httpx.AsyncClient, given: float):
    """A new user with credits, and a client of theirs."""
    user = await Admin(admin).user()
    if given:
        await add(admin, user["id"], given)
    async with signed_in(admin, user["username"]) as client:
        client.timeout = httpx.Timeout(120)
        yield user, client


async def add(admin: httpx.AsyncClient, user_id: int, amount: float, **headers: str) -> dict:
    given = {"user_id": user_id, "amount": amount, "reason": "a test"}
    answer = await admin.post(ADD, json=given, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def balance(client: httpx.AsyncClient) -> tuple[float, float]:
    found = (await client.get("/agent/credits/balance")).json()
    return found["balance"], found["reserved"]


async def settled(client: httpx.AsyncClient) -> float:
    """The balance, once nothing is reserved any more."""

    async def ask() -> bool:
        return (await balance(client))[1] == 0

    await until(ask, 60)
    return (await balance(client))[0]


async def runs(client: httpx.AsyncClient) -> int:
    return (await client.get("/agent/runs")).json()["total"]


async def usage(client: httpx.AsyncClient, **params) -> dict:
    answer = await client.get("/agent/credits/usage", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_of_a_hundred_runs_at_once_with_credits_for_ten_ten_start(admin):
    async with somebody(admin, 10) as (_, client):

        async def one(number: int) -> int:
            asked = body(f"{number} [tokens=10 delay=20]")
            while True:
                async with client.stream("POST", CHAT, json=asked) as response:
                    if response.status_code == 200:
                        assert (await read(response))[-1][1]["type"] == "RUN_FINISHED"
                        return 200
                    refused = (await response.aread()).decode()
                if response.status_code != 503:  # a machine that is too busy says so, and is asked again
                    assert "INSUFFICIENT_CREDITS" in refused
                    return response.status_code
                await asyncio.sleep(int(response.headers["Retry-After"]))

        async def watch() -> None:
            while True:
                assert min(await balance(client)) >= 0
                await asyncio.sleep(0.2)

        watching = asyncio.create_task(watch())
        statuses = await asyncio.gather(*(one(number) for number in range(100)))
        watching.cancel()
        assert sorted(statuses) == [200] * 10 + [402] * 90
        assert await settled(client) == 0
        assert await runs(client) == 10
        found = await usage(client, size=100)
        assert found["total"] == 10
        assert [item["charged"] for item in found["items"]] == [1] * 10
        assert (await client.post(CHAT, json=body("one more"))).status_code == 402


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (CHAT, body("hello")),
        ("/agent/agent/stream", body("hello")),
        ("/agent/generation/podcast", {"content": "Some content."}),
        ("/agent/generation/ppt", {"content": "# Some content"}),
        ("/agent/generation/prose", {"prompt": "Some text.", "option": "improve"}),
        ("/agent/generation/enhance-prompt", {"prompt": "Some text."}),
        ("/agent/tts/synthesize", {"text": "Some text."}),
    ],
)
async def test_without_credits_no_kind_of_run_starts(path, given, admin):
    async with somebody(admin, 0.5) as (_, client):
        key = {"Idempotency-Key": f"poor-{uuid.uuid4()}"}
        refused = await client.post(path, json=given, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (402, "INSUFFICIENT_CREDITS"), refused.text
        assert await balance(client) == (0.5, 0)
        assert await runs(client) == 0
        assert (await client.get("/agent/threads")).json()["total"] == 0
        again = await client.post(path, json=given, headers=key)  # the key is free: nothing was made
        assert again.status_code == 402


async def test_a_run_that_would_pass_its_reserve_asks_for_more_and_ends_cleanly_where_there_is_none(admin):
    async with somebody(admin, 2) as (user, client):
        text = 'again [tokens=2 delay=0] [toolloop=90 no_such_tool {"a": "12345678"}]'
        response, events = await chat(client, text)
        assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "INSUFFICIENT_CREDITS")
        left = await settled(client)
        assert 0 <= left < 1
        (item,) = (await usage(client))["items"]
        assert item["charged"] == item["credits"] == pytest.approx(2 - left)
        stored = (await client.get(f"/agent/threads/{response.headers['X-Thread-Id']}/messages")).json()["items"]
        assert sum(message["role"] == "assistant" for message in stored) == item["calls"] > 2
        run = (await client.get(f"/agent/runs/{response.headers['X-Run-Id']}")).json()
        assert (run["status"], run["error"]["code"]) == ("failed", "INSUFFICIENT_CREDITS")
        await add(admin, user["id"], 5)
        _, events = await chat(client, "go on [tokens=3 delay=0]", thread_id=response.headers["X-Thread-Id"])
        assert events[-1]["type"] == "RUN_FINISHED"


async def test_use_is_told_by_run_with_its_models_and_tools_and_by_page(admin):
    async with somebody(admin, 50) as (_, client):
        await chat(client, '[tokens=5 delay=0] [tool:current_time {}] [tool:current_time {"timezone": "nowhere"}]')
        for _ in range(2):
            await chat(client, "[tokens=10 delay=0]")
        left = await settled(client)
        page = await usage(client, size=2, page=2)
        assert (page["total"], page["total_pages"], len(page["items"])) == (3, 2, 1)
        parts = {(part["source"], part["name"]): part for part in page["items"][0]["parts"]}
        assert parts.keys() == {("model", "fake"), ("tool", "current_time")}
        assert parts["tool", "current_time"]["calls"] == 1  # the one that failed is not paid for
        assert parts["tool", "current_time"]["charged"] == 2
        assert parts["model", "fake"]["calls"] == 2
        items = [*(await usage(client, size=2))["items"], *page["items"]]
        assert sum(item["charged"] for item in items) == pytest.approx(50 - left)
        run = (await client.get(f"/agent/runs/{page['items'][0]['run_id']}")).json()
        assert run["cost_usd"] * 100 == pytest.approx(page["items"][0]["credits"])
        movements = (await client.get("/agent/credits/ledger", params={"size": 200})).json()["items"]
        assert sum(entry["amount"] for entry in movements) == pytest.approx(left)
        assert sum(entry["reserved"] for entry in movements) == pytest.approx(0)


async def test_a_tool_that_cannot_be_paid_for_is_not_called_and_the_model_is_told(admin):
    async with somebody(admin, 1.9) as (_, client):
        _, events = await chat(client, "[say=nothing] [tool:current_time {}]")
        (told,) = [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]
        assert "credits" in told
        assert {part["source"] for part in (await usage(client))["items"][0]["parts"]} == {"model"}
        assert await settled(client) > 0


async def test_a_queued_run_that_is_cancelled_gives_its_credits_back(admin):
    async with somebody(admin, 3) as (_, client):
        async with client.stream("POST", CHAT, json=body("long [tokens=400 delay=10]")) as first:
            thread, run_id = first.headers["X-Thread-Id"], first.headers["X-Run-Id"]
            queued = body("next", thread_id=thread, multitask_strategy="enqueue")
            async with client.stream("POST", CHAT, json=queued) as second:
                reserved = (await balance(client))[1]
                answer = await client.post(f"/agent/runs/{second.headers['X-Run-Id']}/cancel")
                assert answer.json()["status"] == "cancelled"
                assert (await balance(client))[1] == reserved - 1
            await client.post(f"/agent/runs/{run_id}/cancel")
            await read(first)
        assert await settled(client) >= 0


async def test_only_administrators_add_credits_and_one_key_adds_them_once(admin, paid):
    async with somebody(admin, 0) as (user, client):
        given = {"user_id": user["id"], "amount": 5, "reason": "please"}
        assert (await client.post(ADD, json=given)).status_code == 403
        for wrong in ({"amount": 0}, {"amount": -1}, {"amount": "NaN"}, {"reason": " "}, {"balance": 9}):
            assert (await admin.post(ADD, json={**given, **wrong})).status_code == 400
        nobody = await admin.post(ADD, json={**given, "user_id": 2**31 - 1})
        assert (nobody.status_code, nobody.json()["code"]) == (404, "USER_NOT_FOUND")
        key = {"Idempotency-Key": f"add-{uuid.uuid4()}"}
        found = await asyncio.gather(*(admin.post(ADD, json=given, headers=key) for _ in range(20)))
        assert {(answer.status_code, answer.json()["balance"]) for answer in found} == {(200, 5)}
        other = await admin.post(ADD, json={**given, "amount": 6}, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
        (entry,) = (await client.get("/agent/credits/ledger")).json()["items"]
        assert (entry["kind"], entry["amount"], entry["reason"]) == ("grant", 5, "please")
        async with Database(paid.database) as database, database.transaction() as session:
            actor = await session.scalar(select(CreditEntry.actor_id).where(CreditEntry.id == entry["id"]))
        assert actor == (await admin.get("/admin/sys/users/me")).json()["id"]
        too_much = [await admin.post(ADD, json={**given, "amount": 1_000_000_000}) for _ in range(10)]
        assert (too_much[-1].status_code, too_much[-1].json()["code"]) == (409, "TOO_MANY_CREDITS")


async def test_an_administrator_sees_use_by_user_model_and_day_within_reach_alone(admin):
    async with somebody(admin, 9) as (ann, client), somebody(admin, 9) as (bob, other):
        for _ in range(2):
            await chat(client, "[tokens=10 delay=0]")
        await chat(other, "[tokens=5 delay=0] [tool:current_time {}]")
        for asked in (client, other):
            await settled(asked)
            assert (await asked.get("/admin/credits/usage")).status_code == 403
            assert (await asked.get("/admin/credits/accounts")).status_code == 403

        async def summed(**params) -> list[dict]:
            answer = await admin.get("/admin/credits/usage", params={"size": 200, **params})
            assert answer.status_code == 200, answer.text
            return answer.json()["items"]

        (mine,) = [row for row in await summed(by="user") if row["username"] == ann["username"]]
        assert (mine["runs"], mine["credits"], mine["name"]) == (2, 2, None)
        every = await summed(user_id=bob["id"])
        assert {(row["source"], row["name"]) for row in every} == {("model", "fake"), ("tool", "current_time")}
        assert all(row["day"] and row["username"] == bob["username"] for row in every)
        days = await summed(by="day")
        async with Admin(admin).as_user("credits:usage:list", "credits:account:list", data_scope="self") as (_, narrow):
            assert (await narrow.get("/admin/credits/usage")).json()["items"] == []
            assert (await narrow.get("/admin/credits/accounts")).json()["total"] == 1
        assert sum(row["credits"] for row in days) == pytest.approx(sum(row["credits"] for row in await summed()))
        assert (await admin.get("/admin/credits/usage", params={"by": "password"})).status_code == 400
        accounts = (await admin.get("/admin/credits/accounts", params={"size": 200})).json()["items"]
        assert [row["balance"] for row in accounts if row["user_id"] == ann["id"]] == [7]


async def test_a_fire_of_a_scheduler_is_charged_to_its_owner(admin):
    async with somebody(admin, 1) as (_, client):
        scheduler = await create(client, never(kwargs={"prompt": "[tokens=10 delay=0]"}))
        await run_now(client, scheduler)
        (fire,) = await ended(client, scheduler)
        assert fire["status"] == "succeeded"
        assert await settled(client) == 0
        (item,) = (await usage(client))["items"]
        assert (item["run_id"], item["charged"]) == (fire["run_id"], 1)


async def test_a_fire_without_credits_fails_and_says_so_starts_nothing_and_the_next_one_goes_on(admin):
    async with somebody(admin, 0.5) as (user, client):
        scheduler = await create(client, never(kwargs={"prompt": "[tokens=10 delay=0]"}))
        await run_now(client, scheduler)
        (poor,) = await ended(client, scheduler)
        assert (poor["status"], poor["run_id"], poor["error"]["code"]) == ("failed", None, "INSUFFICIENT_CREDITS")
        assert "needs 1 credits" in poor["error"]["detail"]
        assert await runs(client) == 0
        assert await balance(client) == (0.5, 0)
        shown = await read_scheduler(client, scheduler)
        assert (shown["enabled"], shown["total_run_count"]) == (True, 1)
        await add(admin, user["id"], 0.5)
        await run_now(client, scheduler)
        rich, _ = await ended(client, scheduler, 2)
        assert (rich["status"], await settled(client)) == ("succeeded", 0)


async def test_the_ledger_of_all_says_what_the_accounts_say(admin, paid):
    accounts = (await admin.get("/admin/credits/accounts", params={"size": 200})).json()["items"]
    query = select(CreditEntry.user_id, func.sum(CreditEntry.amount)).group_by(CreditEntry.user_id)
    async with Database(paid.database) as database, database.transaction() as session:
        found = {row[0]: float(row[1]) for row in await session.execute(query)}
    assert found
    for account in accounts:
        assert account["balance"] == pytest.approx(found.get(account["user_id"], 0))


async def test_where_runs_are_free_use_is_recorded_and_nothing_taken(client):
    response, _ = await chat(client, "free [tokens=10 delay=0]")

    async def recorded() -> list[dict]:
        return [item for item in (await usage(client))["items"] if item["run_id"] == response.headers["X-Run-Id"]]

    (item,) = await until(recorded)
    assert item["credits"] > 0
    assert item["charged"] == 0
    assert (await client.get("/agent/credits/balance")).json()["enabled"] is False
