"""What schedulers do: fire by Temporal, run by hand, fail, stop, tell their webhook."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
from sqlalchemy import update
from temporalio.client import Client

from agents_backend.db.base import Database, now
from agents_backend.db.tables.runs import Artifact
from agents_backend.db.tables.users import User
from agents_backend.domain.errors import AddressRefused
from agents_backend.integrations.outgoing import Outgoing, signature
from agents_backend.integrations.temporal import connect
from agents_backend.settings import Settings
from tests.fakes.http_server import FakeHttp
from tests.histories import told
from tests.running import running_api, running_worker
from tests.schedulers import (
    BASE,
    PROMPT,
    add_user,
    calling,
    create,
    delete,
    ended,
    friendly,
    interval,
    never,
    read,
    run_now,
    runs_of,
    signed_in,
    until,
)


@pytest.fixture(scope="module", autouse=True)
async def background(settings: Settings, database: Database, worker: None) -> AsyncIterator[None]:
    async with running_worker(friendly(settings), ["background"]):
        yield


@pytest.fixture(scope="module")
async def url(settings: Settings, database: Database) -> AsyncIterator[str]:
    async with running_api(friendly(settings)) as url:
        yield url


@pytest.fixture(scope="module")
async def ann(url: str, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    await add_user(database, "ann")
    async with signed_in(url, "ann") as client:
        yield client


@pytest.fixture
async def web() -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as fake:
        yield fake


@pytest.fixture(scope="module")
async def temporal(settings: Settings) -> Client:
    return await connect(settings)


async def test_a_scheduler_fires_by_its_interval_and_its_runs_are_chats_of_its_owner(ann):
    scheduler = await create(ann, interval())
    runs = await ended(ann, scheduler, 2)
    await delete(ann, scheduler)
    assert {run["status"] for run in runs} == {"succeeded"}
    assert len({run["scheduled_for"] for run in runs}) == len(runs)
    run = (await ann.get(f"/agent/runs/{runs[-1]['run_id']}")).json()
    assert (run["kind"], run["status"]) == ("chat", "succeeded")
    assert runs[-1]["run_id"] in {item["id"] for item in (await ann.get("/agent/runs")).json()["items"]}
    said = (await ann.get(f"/agent/threads/{run['thread_id']}/messages")).json()["items"]
    assert said[0]["content"] == PROMPT


async def test_run_now_runs_also_one_that_is_off_and_counts(ann):
    scheduler = await create(ann, never(enabled=False))
    headers = {"Idempotency-Key": f"now-{scheduler['id']}"}
    answers = await asyncio.gather(*(ann.post(f"{BASE}/{scheduler['id']}/run", headers=headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    (run,) = await ended(ann, scheduler)
    assert (run["id"], run["status"], run["trigger"]) == (answers[0].json()["id"], "succeeded", "manual")
    after = await read(ann, scheduler)
    assert (after["total_run_count"], after["enabled"]) == (1, False)
    assert after["last_run_time"]


async def test_an_http_request_is_sent_signed_and_its_answer_kept_short(ann, web):
    kwargs = {"url": f"{web.url}/hook", "method": "POST", "headers": {"X-Kind": "report"}, "body": {"a": [1]}}
    scheduler = await create(ann, never(task="http_request", kwargs=kwargs))
    secret = (await ann.post(f"{BASE}/{scheduler['id']}/secret")).json()["secret"]
    run = await run_now(ann, scheduler)
    (done,) = await ended(ann, scheduler)
    assert done["result"]["status"] == 200
    (received,) = web.at("/hook")
    assert (received.method, received.json, received.headers["x-kind"]) == ("POST", {"a": [1]}, "report")
    assert_signed(received, secret, run["id"])


def assert_signed(received, secret: str, message_id: str) -> None:
    at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), tz=now().tzinfo)
    expected = signature(secret, message_id, at, received.body)
    assert {name: received.headers[name] for name in expected} == expected


async def test_what_a_task_is_given_stays_out_of_temporal(ann, web, temporal, settings):
    kwargs = {"url": f"{web.url}/hook", "headers": {"X-Kind": "canary-header"}, "body": "canary-body"}
    scheduler = await create(ann, never(task="http_request", kwargs=kwargs))
    run = await run_now(ann, scheduler)
    await ended(ann, scheduler)
    workflow_id = run["temporal_ui_url"].rpartition("/")[2]
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    assert "canary" not in await told(history, settings)


async def test_a_redirect_is_a_failure_and_leads_nowhere(ann, web):
    scheduler = await create(ann, never(**calling(f"{web.url}/status/302")))
    await run_now(ann, scheduler)
    (done,) = await ended(ann, scheduler)
    assert (done["status"], done["error"]["code"]) == ("failed", "UPSTREAM_REJECTED")
    assert "secret-body" not in str(done)


async def test_an_address_that_breaks_down_is_tried_again_a_few_times(ann, web):
    scheduler = await create(ann, never(**calling(f"{web.url}/flaky")))
    web.answer_next(503, 503)
    await run_now(ann, scheduler)
    (done,) = await ended(ann, scheduler)
    assert done["status"] == "succeeded"
    assert len({item.headers["webhook-id"] for item in web.at("/flaky")}) == 1
    assert len(web.at("/flaky")) == 3


async def test_a_name_that_leads_home_is_refused_before_it_connects(web):
    async with Outgoing() as outgoing:
        with pytest.raises(AddressRefused):
            await outgoing.send(
                "GET", f"http://localhost:{web.port}/", headers={}, content=b"", max_bytes=1000, seconds=5
            )
    assert web.received == []


async def test_failures_in_a_row_pause_it_and_the_remark_says_why_until_it_is_turned_on(ann, web):
    scheduler = await create(ann, interval(**calling(f"{web.url}/status/404"), max_failures=2, remark="mine"))

    async def paused() -> dict | None:
        found = await read(ann, scheduler)
        return None if found["enabled"] else found

    found = await until(paused)
    assert found["remark"].startswith(
        "Paused after 2 failures in a row. The last one: The address answered with HTTP 404"
    )
    assert found["next_run_time"] is None
    answer = await ann.put(f"{BASE}/{scheduler['id']}", json={"remark": found["remark"], "interval_every": 1000})
    assert not answer.json()["enabled"]
    again = (await ann.put(f"{BASE}/{scheduler['id']}/status", json={"enabled": True})).json()
    assert (again["enabled"], again["remark"]) == (True, "mine")


async def test_a_one_off_fires_once_and_is_off(ann, web):
    scheduler = await create(ann, interval(**calling(f"{web.url}/once"), one_off=True))
    await ended(ann, scheduler)
    found = await read(ann, scheduler)
    assert (found["enabled"], found["next_run_time"], found["total_run_count"]) == (False, None, 1)
    path = f"{BASE}/{scheduler['id']}/status"
    await ann.put(path, json={"enabled": True})
    await ended(ann, scheduler, 2)
    assert len(web.at("/once")) == 2


async def test_a_run_skips_those_that_would_overlap_unless_told_to_run_beside(ann, web):
    skip = await create(ann, interval(**calling(f"{web.url}/hold?skip")))
    beside = await create(ann, interval(**calling(f"{web.url}/hold?beside"), overlap="allow_all"))

    async def three() -> bool:
        return len(web.at("/hold?beside")) >= 3

    await until(three)
    assert len(web.at("/hold?skip")) == 1
    assert len(await runs_of(ann, skip)) == 1
    await delete(ann, skip)
    await delete(ann, beside)
    web.release.set()


async def test_with_cancel_other_the_new_run_ends_the_old_one_and_its_chat(ann):
    prompt = {"prompt": "long [tokens=2000 delay=20]"}
    scheduler = await create(ann, interval(2, kwargs=prompt, overlap="cancel_other"))
    runs = await ended(ann, scheduler)
    await delete(ann, scheduler)
    assert runs[-1]["status"] == "cancelled"

    async def cancelled() -> bool:
        return (await ann.get(f"/agent/runs/{runs[-1]['run_id']}")).json()["status"] == "cancelled"

    await until(cancelled)
    for item in (await ann.get("/agent/runs", params={"status": "running"})).json()["items"]:
        await ann.post(f"/agent/runs/{item['id']}/cancel")


async def test_a_change_during_a_run_is_for_the_next_one_and_a_deletion_lets_it_end(ann, web):
    scheduler = await create(ann, never(**calling(f"{web.url}/hold?old")))
    webhook = await create(ann, never(**calling(f"{web.url}/hold?gone"), webhook_url=f"{web.url}/told"))
    await run_now(ann, scheduler)
    await run_now(ann, webhook)

    async def begun() -> bool:
        return len(web.received) == 2

    await until(begun)
    changed = await ann.put(f"{BASE}/{scheduler['id']}", json={"kwargs": {"url": f"{web.url}/new"}})
    assert changed.status_code == 200
    await delete(ann, webhook)
    web.release.set()
    (done,) = await ended(ann, scheduler)
    assert done["status"] == "succeeded"
    await run_now(ann, scheduler)
    await ended(ann, scheduler, 2)
    assert len(web.at("/new")) == 1
    assert web.at("/told") == []


async def test_the_webhook_is_told_of_each_end_signed_with_its_artifacts_and_again_until_it_hears(ann, web, database):
    scheduler = await create(ann, never(webhook_url=f"{web.url}/told"))
    secret = (await ann.post(f"{BASE}/{scheduler['id']}/secret")).json()["secret"]
    web.answer_next(500)
    run = await run_now(ann, scheduler)

    async def delivered() -> dict | None:
        (found,) = await runs_of(ann, scheduler)
        return found if found["webhook_status"] == "delivered" else None

    done = await until(delivered)
    first, second = web.at("/told")
    assert first.body == second.body
    assert_signed(second, secret, run["id"])
    assert second.json["type"] == "scheduler.run.succeeded"
    told = second.json["data"]["run"]
    assert (told["id"], told["run_id"], told["status"]) == (done["id"], done["run_id"], "succeeded")
    async with database.transaction() as session:
        values = {"name": "report.md", "media_type": "text/markdown", "size": 3, "key": "k", "sha256": "0" * 64}
        session.add(Artifact(run_id=uuid.UUID(done["run_id"]), **values))
    (listed,) = await runs_of(ann, scheduler)
    expected = f"/api/v1/agent/runs/{done['run_id']}/artifacts/report.md"
    assert [(item["name"], item["url"]) for item in listed["artifacts"]] == [("report.md", expected)]


async def test_a_webhook_that_refuses_is_given_up(ann, web):
    scheduler = await create(ann, never(**calling(f"{web.url}/ok"), webhook_url=f"{web.url}/status/410"))
    await run_now(ann, scheduler)

    async def given_up() -> bool:
        (found,) = await runs_of(ann, scheduler)
        return found["webhook_status"] == "failed"

    await until(given_up)
    assert len(web.at("/status/410")) == 1


async def test_a_range_of_time_is_run_over_again(ann, web):
    scheduler = await create(ann, never(**calling(f"{web.url}/again"), start_time="2026-01-01T00:00:00Z"))
    await ann.put(f"{BASE}/{scheduler['id']}", json={"interval_every": 1, "interval_period": "days"})
    body = {"start_time": "2026-02-01T00:00:00Z", "end_time": "2026-02-03T00:00:00Z", "overlap": "allow_all"}
    answer = await ann.post(f"{BASE}/{scheduler['id']}/backfill", json=body)
    assert (answer.status_code, answer.json()) == (202, {"runs": 3})
    runs = await ended(ann, scheduler, 3)
    days = sorted(run["scheduled_for"][:10] for run in runs)
    assert days == ["2026-02-01", "2026-02-02", "2026-02-03"]
    far = {**body, "end_time": "2036-01-01T00:00:00Z"}
    assert (await ann.post(f"{BASE}/{scheduler['id']}/backfill", json=far)).status_code == 400
    await ann.put(f"{BASE}/{scheduler['id']}/status", json={"enabled": False})
    assert (await ann.post(f"{BASE}/{scheduler['id']}/backfill", json=body)).status_code == 409


async def test_when_its_owner_is_disabled_it_stops_and_says_so(url, client, database, web):
    await add_user(database, "bob")
    async with signed_in(url, "bob") as bob:
        scheduler = await create(bob, interval(**calling(f"{web.url}/bob")))
        await ended(bob, scheduler)
    async with database.transaction() as session:
        await session.execute(update(User).where(User.username == "bob").values(is_enabled=False))

    async def paused() -> dict | None:
        listed = (await client.get(BASE, params={"all": True, "size": 200})).json()["items"]
        (found,) = [item for item in listed if item["id"] == scheduler["id"]]
        return None if found["enabled"] else found

    found = await until(paused)
    assert "account is disabled" in found["remark"]
    assert found["next_run_time"] is None


async def test_a_busy_thread_is_waited_for(ann):
    scheduler = await create(ann, never(kwargs={"prompt": "one [tokens=40 delay=10]", "thread_id": "diary"}))
    await asyncio.gather(*(run_now(ann, scheduler) for _ in range(3)))
    runs = await ended(ann, scheduler, 3)
    assert {run["status"] for run in runs} == {"succeeded"}
    said = (await ann.get("/agent/threads/diary/messages")).json()["items"]
    assert sorted(message["role"] for message in said) == ["assistant"] * 3 + ["user"] * 3
