"""Slides, through HTTP, against the embedded host."""

import asyncio
import io
import uuid

import httpx
from pptx import Presentation
from pypdf import PdfReader

from agents_backend.db.base import Database
from agents_backend.db.tables.sandboxes import Slide

BASE = "/agent/sandboxes"


def page(text: str) -> str:
    return f"<!doctype html><html><head><style>b{{color:red}}</style></head><body><h1>{text}</h1><p>a &amp; b</p></body></html>"


async def add(client: httpx.AsyncClient, sandbox: str, **more) -> httpx.Response:
    body = {"presentation_name": "Q3", "title": "Results", "content": page("Results")}
    return await client.post(f"{BASE}/{sandbox}/slides", json={**body, **more})


async def in_the_box(client: httpx.AsyncClient, sandbox: str, path: str) -> str | None:
    answer = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": f"/home/user/slides/{path}"})
    return answer.json()["content"] if answer.status_code == 200 else None


async def test_slides_are_made_listed_changed_moved_and_deleted_and_the_sandbox_follows(
    client: httpx.AsyncClient, sandbox: str
):
    made = await add(client, sandbox)
    assert made.status_code == 201, made.text
    slide = made.json()
    where = f"{BASE}/{sandbox}/slides/{slide['slide_id']}"
    assert made.headers["Location"] == f"/api/v1{where}"
    assert (slide["slide_number"], slide["version"], slide["mirrored"]) == (1, 1, True)
    assert (await in_the_box(client, sandbox, "Q3/001.html")).endswith(page("Results"))
    second = (await add(client, sandbox, title="Next")).json()
    assert second["slide_number"] == 2

    changed = await client.put(where, json={"content": page("Better"), "version": 1})
    assert (changed.status_code, changed.json()["version"], changed.json()["title"]) == (200, 2, "Results")
    assert "Better" in await in_the_box(client, sandbox, "Q3/001.html")
    stale = await client.put(where, json={"title": "x", "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "SLIDE_CHANGED")

    moved = await client.put(where, json={"slide_number": 7})
    assert moved.json()["slide_number"] == 7
    assert await in_the_box(client, sandbox, "Q3/001.html") is None
    assert "Better" in await in_the_box(client, sandbox, "Q3/007.html")
    taken = await client.put(where, json={"slide_number": 2})
    assert (taken.status_code, taken.json()["code"]) == (409, "SLIDE_EXISTS")

    listed = (await client.get(f"{BASE}/{sandbox}/slides")).json()
    assert [item["slide_number"] for item in listed["items"]] == [2, 7]
    assert (await client.get(f"{BASE}/{sandbox}/slides", params={"presentation_name": "other"})).json()["total"] == 0

    assert (await client.delete(where)).status_code == 204
    assert (await client.get(where)).status_code == 404
    assert (await client.delete(where)).status_code == 404
    assert await in_the_box(client, sandbox, "Q3/007.html") is None


async def test_what_changes_while_the_sandbox_is_paused_reaches_it_when_it_is_resumed(
    client: httpx.AsyncClient, sandbox: str
):
    first, second = (await add(client, sandbox)).json(), (await add(client, sandbox, title="Gone")).json()
    await client.post(f"{BASE}/{sandbox}/pause")
    where = f"{BASE}/{sandbox}/slides"
    changed = await client.put(f"{where}/{first['slide_id']}", json={"content": page("Asleep")})
    assert changed.json()["mirrored"] is False
    await client.delete(f"{where}/{second['slide_id']}")
    await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox})
    assert "Asleep" in await in_the_box(client, sandbox, "Q3/001.html")
    assert await in_the_box(client, sandbox, "Q3/002.html") is None
    assert (await client.get(f"{where}/{first['slide_id']}")).json()["mirrored"] is True


async def write(client: httpx.AsyncClient, sandbox: str, path: str, content: str) -> None:
    body = {"sandbox_id": sandbox, "path": f"/home/user/slides/{path}", "content": content}
    assert (await client.post(f"{BASE}/write-file", json=body)).status_code == 200


async def test_a_page_that_is_written_in_the_sandbox_is_a_slide_at_once_and_a_changed_one_is_its_next_version(
    client: httpx.AsyncClient, sandbox: str
):
    where = f"{BASE}/{sandbox}/slides"
    await write(client, sandbox, "by-hand/003.html", "<title>Three</title><p>1</p>")
    await write(client, sandbox, "by-hand/notes.html", "no slide")
    [made] = (await client.get(where)).json()["items"]
    assert (made["presentation_name"], made["slide_number"], made["title"]) == ("by-hand", 3, "Three")
    assert (made["version"], made["mirrored"]) == (1, True)
    await write(client, sandbox, "by-hand/003.html", "<title>Three</title><p>2</p>")
    stale = await client.put(f"{where}/{made['slide_id']}", json={"title": "mine", "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "SLIDE_CHANGED")
    now = (await client.get(f"{where}/{made['slide_id']}")).json()
    assert (now["version"], now["content"]) == (2, "<title>Three</title><p>2</p>")
    await write(client, sandbox, "by-hand/003.html", "<p>the last</p>")
    await client.delete(f"{BASE}/{sandbox}")
    assert (await client.get(where)).json()["items"][0]["content"] == "<p>the last</p>"


async def test_a_slide_that_its_sandbox_s_server_has_deleted_is_deleted(client: httpx.AsyncClient, sandbox: str):
    await add(client, sandbox)
    await write(client, sandbox, "Q3/001.html", "<!-- slide deleted -->\n")
    assert (await client.get(f"{BASE}/{sandbox}/slides")).json()["total"] == 0
    assert await in_the_box(client, sandbox, "Q3/001.html") is None


async def test_of_a_slide_that_both_sides_have_changed_neither_page_is_lost(
    client: httpx.AsyncClient, sandbox: str, database: Database
):
    slide = (await add(client, sandbox)).json()
    async with database.transaction() as session:  # a change that could not reach the sandbox
        row = await session.get(Slide, uuid.UUID(slide["slide_id"]))
        row.content, row.version = page("The user's"), 2
    await write(client, sandbox, "Q3/001.html", page("The agent's"))
    where = f"{BASE}/{sandbox}/slides/{slide['slide_id']}"
    found = (await client.get(where)).json()
    assert (found["version"], found["content"], found["mirrored"]) == (2, page("The user's"), True)
    assert "The user's" in await in_the_box(client, sandbox, "Q3/001.html")
    command = {"sandbox_id": sandbox, "command": "cat slides/Q3/put-aside-*-001.html"}
    assert (await client.post(f"{BASE}/run-command", json=command)).json()["stdout"] == page("The agent's")
    assert (await client.get(f"{BASE}/{sandbox}/slides")).json()["total"] == 1


async def test_a_page_of_the_user_s_that_a_program_wrote_over_is_kept_beside_it(
    client: httpx.AsyncClient, sandbox: str
):
    slide = (await add(client, sandbox, content=page("The user's"))).json()
    for n in range(2):
        await write(client, sandbox, "Q3/001.html", page(f"The program's {n}"))
        found = (await client.get(f"{BASE}/{sandbox}/slides/{slide['slide_id']}")).json()
        assert (found["version"], found["content"]) == (2 + n, page(f"The program's {n}"))
    command = {"sandbox_id": sandbox, "command": "cat slides/Q3/put-aside-*-001.html"}
    [_, kept] = (await client.post(f"{BASE}/run-command", json=command)).json()["stdout"].split("\n", 1)
    assert kept == page("The user's")


async def test_a_slide_is_made_once_for_an_idempotency_key(client: httpx.AsyncClient, sandbox: str):
    body = {"presentation_name": "Once", "title": "t", "content": "c"}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    made = [await client.post(f"{BASE}/{sandbox}/slides", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json()["slide_id"] == made[1].json()["slide_id"]
    other = await client.post(f"{BASE}/{sandbox}/slides", json={**body, "title": "u"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    assert (await client.get(f"{BASE}/{sandbox}/slides")).json()["total"] == 1


async def test_slides_outlive_their_sandbox(client: httpx.AsyncClient, sandbox: str):
    slide = (await add(client, sandbox)).json()
    await client.delete(f"{BASE}/{sandbox}")
    kept = await client.get(f"{BASE}/{sandbox}/slides/{slide['slide_id']}")
    assert kept.json()["content"] == page("Results")
    more = await add(client, sandbox, title="Later")
    assert (more.status_code, more.json()["mirrored"]) == (201, False)
    deck = await client.get(f"{BASE}/{sandbox}/slides/export", params={"format": "pptx"})
    assert deck.status_code == 200
    printed = await client.get(f"{BASE}/{sandbox}/slides/export", params={"format": "pdf"})
    assert printed.status_code == 404


async def test_a_place_is_taken_once_however_many_ask(client: httpx.AsyncClient, sandbox: str):
    same = await asyncio.gather(*(add(client, sandbox, slide_number=3) for _ in range(6)))
    assert sorted(answer.status_code for answer in same) == [201, 409, 409, 409, 409, 409]
    after = await asyncio.gather(*(add(client, sandbox, presentation_name="Many") for _ in range(6)))
    assert sorted(answer.json()["slide_number"] for answer in after) == [1, 2, 3, 4, 5, 6]


async def test_slides_that_cannot_be_are_400(client: httpx.AsyncClient, sandbox: str):
    for bad in (
        {"presentation_name": "../x"},
        {"presentation_name": ""},
        {"slide_number": 0},
        {"slide_number": 1000},
        {"title": ""},
        {"content": ""},
        {"user_id": 1},
        {"content": "a\u0000"},
    ):
        assert (await add(client, sandbox, **bad)).status_code == 400, bad
    assert (await client.get(f"{BASE}/{sandbox}/slides/not-a-uuid")).status_code == 400
    assert (await client.get(f"{BASE}/{sandbox}/slides/{uuid.uuid4()}")).status_code == 404
    assert (await client.get(f"{BASE}/{sandbox}/slides/export")).status_code == 404


async def test_a_deck_has_each_slides_title_and_texts(client: httpx.AsyncClient, sandbox: str):
    await add(client, sandbox, title="One\u000b")
    await add(client, sandbox, title="Two")
    answer = await client.get(f"{BASE}/{sandbox}/slides/export", params={"format": "pptx", "presentation_name": "Q3"})
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Q3.pptx"
    deck = Presentation(io.BytesIO(answer.content))
    texts = [[shape.text_frame.text for shape in slide.shapes] for slide in deck.slides]
    assert texts == [["One", "Results\na & b"], ["Two", "Results\na & b"]]


async def test_a_presentation_is_printed_a_page_a_slide_where_the_sandbox_has_chromium(
    client: httpx.AsyncClient, sandbox: str
):
    for n in range(2):
        await add(client, sandbox, content=page(f"Printed {n}"))
    answer = await client.get(f"{BASE}/{sandbox}/slides/export", params={"format": "pdf"})
    chromium = "command -v chromium || command -v chromium-browser || command -v google-chrome"
    has = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": chromium})
    if has.json()["exit_code"] != 0:
        assert (answer.status_code, answer.json()["code"]) == (409, "EXPORT_UNAVAILABLE")
        return
    assert answer.status_code == 200, answer.text
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert [float(pages[0].mediabox.width), float(pages[0].mediabox.height)] == [960, 540]  # 1280x720 px in points
    assert ["Printed 0" in pages[0].extract_text(), "Printed 1" in pages[1].extract_text()] == [True, True]
