"""What the registered tasks do beside prompts and requests: files made of pages, and the deployment's upkeep."""

import io
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from pptx import Presentation
from sqlalchemy import func, select, update

from agents_backend.contracts.schedulers import FireRef
from agents_backend.db.base import Database, now
from agents_backend.db.tables.rag import RagResource
from agents_backend.db.tables.runs import Run
from agents_backend.db.tables.schedulers import SchedulerRun
from agents_backend.db.tables.users import LoginLog
from agents_backend.domain.errors import IdempotencyMismatch
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.storage import Storage
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.decks import PPTX
from agents_backend.services.fire_records import FireRecords
from agents_backend.services.launches import Launches
from agents_backend.services.podcasts import PodcastInput, PodcastRequest, PodcastRequests
from agents_backend.services.run_starts import RunStarts
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.spending import Spending
from agents_backend.services.timings import transitions
from agents_backend.settings import Settings
from tests.api.people import Admin
from tests.api.people import signed_in as sign_in
from tests.fakes.http_server import FakeHttp
from tests.running import running_api, running_worker
from tests.schedulers import (
    BASE,
    PROMPT,
    add_user,
    create,
    ended,
    friendly,
    never,
    read,
    run_now,
    signed_in,
)

UPKEEP = ("sandbox_sweep", "log_retention", "artifact_retention")
PERMISSION = "task:scheduler:upkeep"
REFUSED_URLS = (
    "http://127.0.0.1/x",
    "http://10.0.0.1/",
    "http://169.254.169.254/",
    "file:///etc/passwd",
    "ftp://x.org/",
)


@pytest.fixture(scope="module", autouse=True)
async def background(settings: Settings, database: Database, worker: None) -> AsyncIterator[None]:
    async with running_worker(friendly(settings), ["background"]):
        yield


@pytest.fixture(scope="module")
async def ann(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without any permission, at an API that lets loopback be named."""
    await add_user(database, "ann-of-tasks")
    async with running_api(friendly(settings)) as url, signed_in(url, "ann-of-tasks") as client:
        yield client


@pytest.fixture
async def web() -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as fake:
        yield fake


def page(title: str, *paragraphs: str) -> str:
    text = "".join(f"<p>{text}</p>" for text in paragraphs)
    return f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>{text}</article></body></html>"


async def made_by(client: httpx.AsyncClient, task: str, **kwargs) -> dict:
    """The fire of a scheduler of this task, run now and ended."""
    scheduler = await create(client, never(task=task, kwargs=kwargs))
    await run_now(client, scheduler)
    (done,) = await ended(client, scheduler)
    return done


async def test_a_podcast_is_made_of_what_the_page_says_and_listed_with_the_fire(ann, web, fake_edge):
    web.pages["/tea"] = page(
        "On tea", "Oolong is a tea that is partly oxidised.", "It is grown on hillsides in Fujian."
    )
    done = await made_by(ann, "podcast", url=f"{web.url}/tea", locale="en-US")
    assert done["status"] == "succeeded", done
    run = (await ann.get(f"/agent/runs/{done['run_id']}")).json()
    assert (run["kind"], run["status"]) == ("podcast", "succeeded")
    assert {item["media_type"].split(";")[0] for item in done["artifacts"]} == {
        "audio/mpeg",
        "text/markdown",
        "text/vtt",
    }
    transcript = next(item for item in done["artifacts"] if item["name"].endswith(".md"))
    assert "Oolong" in (await ann.get(transcript["url"].removeprefix("/api/v1"))).text


async def test_a_resource_is_fetched_again_by_an_ingestion_and_another_s_or_a_text_is_refused(ann, web, database):
    text = (await ann.post("/agent/rag/resources", json={"title": "Prices", "text": "The bridge costs nine."})).json()
    for resource_id, why in ((text["id"], "from a URL"), (str(uuid.uuid4()), "no such resource")):
        refused = await ann.post(BASE, json=never(task="rag_refresh", kwargs={"resource_id": resource_id}))
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["loc"]) == (400, ["body", "kwargs", "resource_id"])
        assert why in error["msg"]
    async with database.transaction() as session:  # as if it had come from there
        url = f"{web.url}/prices"
        await session.execute(update(RagResource).where(RagResource.id == uuid.UUID(text["id"])).values(url=url))
    done = await made_by(ann, "rag_refresh", resource_id=text["id"])
    run = (await ann.get(f"/agent/runs/{done['run_id']}")).json()
    assert (run["kind"], run["error"]["code"]) == (
        "ingest",
        "ADDRESS_REFUSED",
    )  # by the worker, which is no friend of ours
    assert (done["status"], done["error"]["code"]) == ("failed", "ADDRESS_REFUSED")


async def test_a_deck_is_made_of_a_page_and_of_a_text(ann, web):
    web.pages["/plan"] = page("The plan", "We build the bridge in spring.", "We open the bridge in autumn.")
    of_page = await made_by(ann, "deck", url=f"{web.url}/plan")
    of_text = await made_by(ann, "deck", text="# Bridges\n\n## Spring\n\n- the *bridge* is built", theme="dark")
    for done in (of_page, of_text):
        assert done["status"] == "succeeded", done
        (file,) = (
            item for item in done["artifacts"] if item["media_type"] == PPTX
        )  # with pictures of it, where one can
        content = (await ann.get(file["url"].removeprefix("/api/v1"))).content
        slides = Presentation(io.BytesIO(content)).slides
        assert "bridge" in " ".join(shape.text_frame.text for s in slides for shape in s.shapes if shape.has_text_frame)


async def test_a_fire_that_is_tried_again_makes_one_podcast_also_when_the_page_has_changed(
    settings, database, redis, me
):
    launches = Launches(temporal=await connect_temporal(settings), settings=settings)
    spending = Spending(database=database, settings=settings.credits)
    starts = RunStarts(database=database, log=EventLog(redis), launches=launches, spending=spending, settings=settings)
    artifacts = Artifacts(database=database, storage=Storage(settings.storage, settings.data_dir), settings=settings)
    podcasts, key, wish = PodcastRequests(starts=starts, artifacts=artifacts), f"schedule:{uuid.uuid4()}", {"url": "u"}
    before, after = (PodcastInput(content=f"The ferry sails at {hour}.") for hour in ("nine", "ten"))
    first = await podcasts.start(PodcastRequest(me["id"], before, key, wish=wish))
    again = await podcasts.start(PodcastRequest(me["id"], after, key, wish=wish))
    assert again.run.id == first.run.id
    with pytest.raises(IdempotencyMismatch):
        await podcasts.start(PodcastRequest(me["id"], after, key, wish={"url": "another"}))


async def test_a_time_that_is_none_of_ours_does_not_use_up_a_one_off(client, settings, database):
    soon, zone = now() + timedelta(days=5), "Europe/Berlin"
    back = next(moment for moment, step in transitions(zone, soon.year) if step < timedelta() and moment > soon)
    times = {"type": "crontab", "crontab": "30 2 * * *", "timezone": zone, "one_off": True}
    body = {"name": "once", "task": "agent_prompt", "kwargs": {"prompt": PROMPT}, **times}
    made = await create(client, body)
    temporal = await connect_temporal(settings)
    records = FireRecords(database=database, mirror=ScheduleMirror(database=database, temporal=temporal))
    second = FireRef(  # the clock shows half past two once more
        scheduler_id=made["id"],
        fire_id=str(uuid.uuid4()),
        workflow_id="second",
        scheduled_for=back + timedelta(minutes=30),
    )
    begun = await records.begin(second)
    assert begun.state.status == "skipped"
    state = (await temporal.get_schedule_handle(f"schedule-{made['id']}").describe()).schedule.state
    assert (state.note, state.remaining_actions) == ("v2/" + f"{now().year} once", 1)
    after = await read(client, made)
    assert (after["enabled"], after["total_run_count"]) == (True, 0)


async def test_a_page_without_text_and_one_that_is_gone_fail_and_say_so(ann, web):
    web.pages["/empty"] = page("", "")
    empty = await made_by(ann, "podcast", url=f"{web.url}/empty")
    gone = await made_by(ann, "deck", url=f"{web.url}/status/404")
    assert (empty["status"], empty["error"]["detail"]) == ("failed", "The page holds no readable text.")
    assert (gone["status"], gone["error"]["detail"]) == ("failed", "The page answered with HTTP 404.")
    assert empty["run_id"] is gone["run_id"] is None


@pytest.mark.parametrize(
    ("task", "kwargs", "place"),
    [
        *(("podcast", {"url": url}, ["kwargs", "url"]) for url in REFUSED_URLS),
        ("podcast", {}, ["kwargs", "url"]),
        ("podcast", {"url": "https://example.org/", "voices": ["nobody", "no one"]}, ["kwargs", "voices"]),
        ("podcast", {"url": "https://example.org/", "locale": "English!"}, ["kwargs", "locale"]),
        ("deck", {"url": "http://127.0.0.1/x"}, ["kwargs", "url"]),
        ("deck", {}, ["kwargs"]),
        ("deck", {"url": "https://example.org/", "text": "both"}, ["kwargs"]),
        ("deck", {"text": "  \n "}, ["kwargs", "text"]),
        ("deck", {"text": "* * *"}, ["kwargs", "text"]),
        ("deck", {"text": "# A\n\n![x](http://127.0.0.1/x.png)"}, ["kwargs", "text"]),
        ("deck", {"text": "x", "theme": "plaid"}, ["kwargs", "theme"]),
        *((task, {"days": 1}, ["kwargs", "days"]) for task in UPKEEP),
    ],
)
async def test_arguments_that_cannot_work_are_a_400_that_names_them(client, task, kwargs, place):
    refused = await client.post(BASE, json=never(task=task, kwargs=kwargs))
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["loc"] == ["body", *place]


async def test_the_registered_tasks_say_which_take_a_permission(ann):
    items = (await ann.get("/task/registered", params={"size": 100})).json()["items"]
    assert {item["name"] for item in items if item["permission"] == PERMISSION} == set(UPKEEP)
    assert {"agent_prompt", "http_request", "podcast", "deck"} <= {i["name"] for i in items if i["permission"] is None}


@pytest.mark.parametrize("task", UPKEEP)
async def test_upkeep_is_not_for_whoever_lacks_the_permission(ann, task):
    assert (await ann.post(BASE, json=never(task=task, kwargs={}))).status_code == 403
    mine = await create(ann, never())
    changed = await ann.put(f"{BASE}/{mine['id']}", json={"task": task, "kwargs": {}})
    assert (changed.status_code, changed.json()["code"]) == (403, "FORBIDDEN")
    assert (await read(ann, mine))["task"] == "agent_prompt"


async def test_the_sandboxes_are_swept_on_demand(client):
    done = await made_by(client, "sandbox_sweep")
    assert (done["status"], set(done["result"])) == (
        "succeeded",
        {"strays", "checked", "revived", "departed", "ended_commands"},
    )


async def test_old_logs_are_forgotten_on_demand(client, database):
    async with database.transaction() as session:
        old = LoginLog(username="long gone", succeeded=True, message="", created_at=now() - timedelta(days=4000))
        session.add(old)
    done = await made_by(client, "log_retention")
    assert (done["status"], set(done["result"])) == ("succeeded", {"logins", "operations", "sessions"})
    async with database.transaction() as session:
        assert await session.get(LoginLog, old.id) is None


async def test_old_artifacts_are_deleted_on_demand(ann, client, database):
    file = await made_by(ann, "deck", text="# Short\n\n- lived")
    path = file["artifacts"][0]["url"].removeprefix("/api/v1")
    assert (await ann.get(path)).status_code == 200
    long_ago = now() - timedelta(days=4000)
    async with database.transaction() as session:
        await session.execute(update(Run).where(Run.id == uuid.UUID(file["run_id"])).values(finished_at=long_ago))
    done = await made_by(client, "artifact_retention")
    assert (done["status"], set(done["result"])) == ("succeeded", {"runs"})
    assert (await ann.get(path)).status_code == 404


async def test_who_loses_the_permission_loses_the_upkeep_and_is_told(admin_client, database):
    admin = Admin(admin_client)
    async with admin.as_user(PERMISSION) as (user, holder):
        scheduler = await create(holder, never(task="log_retention", kwargs={}))
        await run_now(holder, scheduler)
        (first,) = await ended(holder, scheduler)
        assert first["status"] == "succeeded"
        answer = await admin_client.put(f"/admin/sys/users/{user['id']}", json={"role_ids": []})
        assert answer.status_code == 200, answer.text
    async with sign_in(admin_client, user["username"]) as plain:
        await run_now(plain, scheduler)
        second = (await ended(plain, scheduler, 2))[0]
        after = await read(plain, scheduler)
    assert (second["status"], second["error"]["code"]) == ("skipped", "FORBIDDEN")
    assert not after["enabled"]
    assert PERMISSION in after["remark"]
    async with database.transaction() as session:
        count = select(func.count()).select_from(SchedulerRun).where(SchedulerRun.status == "succeeded")
        assert await session.scalar(count.where(SchedulerRun.scheduler_id == uuid.UUID(scheduler["id"]))) == 1
