"""Schedulers over HTTP: made, listed, changed, previewed, refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from agents_backend.db.base import Database, now
from agents_backend.integrations.temporal import connect
from agents_backend.services.timings import Timing
from agents_backend.settings import Settings
from tests.histories import told
from tests.running import running_worker
from tests.schedulers import BASE, add_user, calling, create, delete, interval, never, read, signed_in

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module", autouse=True)
async def background(settings: Settings, database: Database) -> AsyncIterator[None]:
    async with running_worker(settings, ["background"]):
        yield


@pytest.fixture(scope="module")
async def other(base_url: str, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else, no superuser."""
    await add_user(database, "mallory")
    async with signed_in(base_url, "mallory") as client:
        yield client


@pytest.fixture(scope="module")
async def temporal(settings: Settings) -> Client:
    return await connect(settings)


async def test_what_is_created_is_told_in_the_contract_s_fields(client):
    body = never(name="exact", timezone="Europe/Berlin", remark="mine", one_off=True, overlap="buffer_one")
    answer = await client.post(BASE, json=body)
    made = answer.json()
    assert answer.headers["Location"].endswith(made["id"])
    assert answer.headers["ETag"] == '"1"'
    for name, value in body.items():
        assert made[name] == value
    assert (made["args"], made["crontab"], made["enabled"], made["total_run_count"]) == ([], None, True, 0)
    assert made["last_run_time"] is None
    assert datetime.fromisoformat(made["next_run_time"]) - now() > timedelta(weeks=51)
    listed = (await client.get(BASE, params={"name": "exact"})).json()
    assert [item["id"] for item in listed["items"]] == [made["id"]]


async def test_its_schedule_in_temporal_bears_its_name_its_owner_and_its_state(client, temporal, settings):
    made = await create(client, never(name="seen in the UI", kwargs={"prompt": "not in Temporal"}, enabled=False))
    found = await temporal.get_schedule_handle(f"schedule-{made['id']}").describe()
    assert found.schedule.state.note == "v1 seen in the UI"
    assert found.schedule.state.paused
    assert (await found.memo())["scheduler_id"] == made["id"]
    attributes = {pair.key.name: pair.value for pair in found.typed_search_attributes}
    assert attributes == {"UserId": str(made["user_id"]), "Kind": "schedule"}
    assert "not in Temporal" not in await told(found.raw_description, settings)


async def test_the_registered_tasks_tell_their_arguments_and_no_other_is_taken(client):
    found = {item["name"]: item for item in (await client.get("/task/registered")).json()["items"]}
    assert found["agent_prompt"]["arguments"]["required"] == ["prompt"]
    assert "url" in found["http_request"]["arguments"]["properties"]
    refused = await client.post(BASE, json=never(task="os.system"))
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["loc"] == ["body", "task"]


async def test_positional_arguments_are_the_named_ones_in_their_order(client):
    made = await create(client, never(args=["said first", "coder"], kwargs={}))
    assert made["args"] == ["said first", "coder"]
    twice = await client.post(BASE, json=never(args=["said"], kwargs={"prompt": "again"}))
    assert twice.json()["errors"][0]["loc"] == ["body", "kwargs", "prompt"]
    wrong = await client.post(BASE, json=never(args=["said", "nobody"], kwargs={}))
    assert wrong.json()["errors"][0]["loc"] == ["body", "args", 1]


CRON = {"type": "crontab", "interval_every": None, "interval_period": None}
BAD = [
    ({"crontab": "61 * * * *", **CRON}, ["crontab"]),
    ({"crontab": "0 0 30 2 *", **CRON}, ["crontab"]),
    (CRON, ["crontab"]),
    ({"crontab": "@daily"}, ["crontab"]),
    ({"crontab": "@daily", "type": "crontab"}, ["interval_every"]),
    ({"timezone": "Mars/Olympus"}, ["timezone"]),
    ({"interval_every": 0}, ["interval_every"]),
    ({"interval_every": None}, ["interval_every"]),
    ({"interval_every": 10**9}, ["interval_every"]),
    ({"interval_period": "fortnights"}, ["interval_period"]),
    ({"interval_period": None}, ["interval_period"]),
    ({"type": "solar"}, ["type"]),
    ({"overlap": "terminate_other"}, ["overlap"]),
    ({"start_time": "2030-01-01T00:00:00"}, ["start_time"]),
    ({"start_time": "9999-12-31T23:59:59Z"}, ["start_time"]),
    ({"start_time": "0001-01-01T00:00:00Z"}, ["start_time"]),
    ({"start_time": "2030-01-02T00:00:00Z", "expire_time": "2030-01-01T00:00:00Z"}, ["expire_time"]),
    ({"expire_time": "2020-01-01T00:00:00Z"}, ["expire_time"]),
    ({"name": ""}, ["name"]),
    ({"name": "a\x00b"}, ["name"]),
    ({"remark": "a\x00b"}, ["remark"]),
    ({"kwargs": {"prompt": "a\x00b"}}, ["kwargs"]),
    ({"kwargs": {}}, ["kwargs", "prompt"]),
    ({"kwargs": {"prompt": "x", "user_id": 1}}, ["kwargs", "user_id"]),
    ({"kwargs": {"prompt": "x", "agent_name": "nobody"}}, ["kwargs", "agent_name"]),
    ({"kwargs": {"prompt": "x", "thread_id": NOBODY}}, ["kwargs", "thread_id"]),
    ({"args": ["a"] * 9}, ["args", 6]),
    ({"catchup_seconds": 1}, ["catchup_seconds"]),
    ({"webhook_url": "http://127.0.0.1/x"}, ["webhook_url"]),
    ({"webhook_url": "file:///etc/passwd"}, ["webhook_url"]),
]


@pytest.mark.parametrize(("change", "place"), BAD)
async def test_bad_input_is_a_400_that_names_the_field(client, change, place):
    refused = await client.post(BASE, json=never(**change))
    assert refused.status_code == 400, refused.text
    assert refused.json()["code"] == "VALIDATION_ERROR"
    assert refused.json()["errors"][0]["loc"] == ["body", *place]


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:8000/", "http://[::1]/", "http://10.1.2.3/", "http://169.254.169.254/", "gopher://x.org/"),
        *("http://100.64.0.1/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0177.0.0.1/", "//x.org/"),
        *("http://user:secret@x.org/", "file:///etc/passwd", "x.org", "http://x.org:22/"),
    ],
)
async def test_an_address_that_is_not_public_is_a_400_before_anything_connects(client, url):
    refused = await client.post(BASE, json=never(**calling(url)))
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["loc"] == ["body", "kwargs", "url"]


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "Host", "a b", "Webhook-Id"])
async def test_a_header_that_carries_a_secret_is_refused(client, name):
    kwargs = {"url": "https://example.org/", "headers": {name: "value"}}
    refused = await client.post(BASE, json=never(task="http_request", kwargs=kwargs))
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["loc"] == ["body", "kwargs", "headers"]


@pytest.mark.parametrize("field", ["id", "user_id", "total_run_count", "last_run_time", "version", "pause_reason"])
async def test_no_column_is_written_that_is_not_the_client_s(client, field):
    assert (await client.post(BASE, json=never(**{field: 1}))).status_code == 400
    made = await create(client, never())
    assert (await client.put(f"{BASE}/{made['id']}", json={field: 1})).status_code == 400


async def test_a_change_keeps_what_it_leaves_out(client, temporal):
    made = await create(client, never(remark="kept"))
    answer = await client.put(f"{BASE}/{made['id']}", json={"type": "crontab", "crontab": "0 8 * * MON-FRI"})
    changed = answer.json()
    assert (changed["remark"], changed["kwargs"], changed["interval_every"]) == ("kept", made["kwargs"], None)
    found = await temporal.get_schedule_handle(f"schedule-{made['id']}").describe()
    assert found.schedule.state.note.startswith("v2/")
    first = Timing(crontab="0 8 * * MON-FRI", anchor=now()).next(now())
    assert [found.info.next_action_times[0], datetime.fromisoformat(changed["next_run_time"])] == [first, first]


async def test_of_two_changes_of_one_version_the_second_is_a_409(client):
    made = await create(client, never())
    etag = (await client.get(f"{BASE}/{made['id']}")).headers["ETag"]
    answers = await asyncio.gather(
        *(client.put(f"{BASE}/{made['id']}", json={"remark": f"by {n}"}, headers={"If-Match": etag}) for n in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await read(client, made))["remark"] == winner["remark"]
    assert (await client.put(f"{BASE}/{made['id']}", json={}, headers={"If-Match": "x"})).status_code == 400


async def test_without_a_version_the_last_writer_wins_in_the_row_and_in_temporal_alike(client, temporal):
    made = await create(client, never())
    bodies = [{"name": f"writer {n}", "interval_every": n + 1} for n in range(10)]
    await asyncio.gather(*(client.put(f"{BASE}/{made['id']}", json=body) for body in bodies))
    row = await read(client, made)
    assert row["version"] == 11
    found = await temporal.get_schedule_handle(f"schedule-{made['id']}").describe()
    assert found.schedule.state.note == f"v11 {row['name']}"
    assert found.schedule.spec.intervals[0].every == timedelta(weeks=row["interval_every"])


async def test_it_is_turned_off_and_on_and_over(client, temporal):
    made, handle = await create(client, never()), None
    handle = temporal.get_schedule_handle(f"schedule-{made['id']}")
    path = f"{BASE}/{made['id']}/status"
    off = (await client.put(path, json={"enabled": False})).json()
    assert (off["enabled"], off["next_run_time"]) == (False, None)
    assert (await handle.describe()).schedule.state.paused
    assert (await client.put(path)).json()["enabled"]
    assert not (await handle.describe()).schedule.state.paused


async def test_a_deleted_scheduler_is_gone_from_temporal_too(client, temporal):
    made = await create(client, never())
    await delete(client, made)
    assert (await client.get(f"{BASE}/{made['id']}")).status_code == 404
    assert (await client.delete(f"{BASE}/{made['id']}")).status_code == 404
    with pytest.raises(RPCError):
        await temporal.get_schedule_handle(f"schedule-{made['id']}").describe()


async def test_the_same_idempotency_key_makes_one_scheduler(client):
    headers, body = {"Idempotency-Key": "one-scheduler"}, never(name="once")
    answers = await asyncio.gather(*(client.post(BASE, json=body, headers=headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await client.post(BASE, json=never(name="twice"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


async def test_nobody_sees_or_touches_another_s_scheduler(client, other):
    made = await create(client, never(name="private"))
    one = f"{BASE}/{made['id']}"
    calls = [
        ("GET", one, None),
        ("PUT", one, {"name": "taken"}),
        ("PUT", f"{one}/status", {"enabled": False}),
        ("POST", f"{one}/run", None),
        ("POST", f"{one}/secret", None),
        ("POST", f"{one}/backfill", {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}),
        ("GET", f"{one}/runs", None),
        ("DELETE", one, None),
    ]
    for method, path, body in calls:
        refused = await other.request(method, path, json=body)
        none = await other.request(method, path.replace(made["id"], NOBODY), json=body)
        assert (refused.status_code, none.status_code) == (404, 404), path
        assert refused.json()["detail"] == none.json()["detail"]
    assert (await other.get(BASE)).json()["total"] == 0
    assert await read(client, made) == made


async def test_everybody_s_schedulers_are_listed_for_a_superuser_alone(client, other):
    theirs = await create(other, never(name="of mallory"))
    assert (await client.get(BASE, params={"name": "of mallory"})).json()["total"] == 0
    listed = (await client.get(BASE, params={"name": "of mallory", "all": True})).json()["items"]
    assert [item["id"] for item in listed] == [theirs["id"]]
    assert (await other.get(BASE, params={"all": True})).status_code == 403


async def test_another_s_thread_cannot_be_spoken_in(client, other):
    async with client.stream("POST", "/agent/chat/stream", json={"messages": [{"content": "mine"}]}) as answer:
        thread = answer.headers["X-Thread-Id"]
        await answer.aread()
    refused = await other.post(BASE, json=never(kwargs={"prompt": "x", "thread_id": thread}))
    assert refused.status_code == 400
    assert (await client.post(BASE, json=never(kwargs={"prompt": "x", "thread_id": thread}))).status_code == 201


async def test_nobody_schedules_without_signing_in(base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        for path in (BASE, f"{BASE}/preview", f"{BASE}/{NOBODY}/run"):
            assert (await anonymous.post(path, json=never())).status_code == 401
        for path in (BASE, "/task/registered", f"{BASE}/{NOBODY}", f"{BASE}/{NOBODY}/runs"):
            assert (await anonymous.get(path)).status_code == 401


async def test_a_preview_tells_the_next_times_and_saves_nothing(client):
    before = (await client.get(BASE)).json()["total"]
    body = {"type": "crontab", "crontab": "30 2 * * *", "timezone": "America/New_York", "count": 3}
    body["start_time"] = "2027-03-13T12:00:00Z"
    answer = await client.post(f"{BASE}/preview", json=body)
    expected = ["2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z", "2027-03-16T06:30:00Z"]
    assert answer.json() == {"next_run_times": expected}
    assert (await client.get(BASE)).json()["total"] == before
    assert len((await client.post(f"{BASE}/preview", json={**body, "one_off": True})).json()["next_run_times"]) == 1
    assert (await client.post(f"{BASE}/preview", json={**body, "crontab": "x"})).status_code == 400
    assert len((await client.post(f"{BASE}/preview", json=preview_of(interval(3)))).json()["next_run_times"]) == 5


def preview_of(body: dict) -> dict:
    return {name: body[name] for name in ("type", "interval_every", "interval_period")}
