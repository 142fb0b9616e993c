"""Documents over HTTP: added, ingested, found, cited in a chat, deleted; and each that must be refused."""

import asyncio
import json
import uuid
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from agents_backend.db.base import Database
from tests import documents
from tests.api.test_speech import ended
from tests.streams import CHAT, body, chat, rejoin, text_of

RESOURCES, SEARCH = "/agent/rag/resources", "/agent/rag/search"
PATIENCE = 150  # seconds, for a machine that is busy with the rest of the suite
TIDES = """# Tides of the Bay

## Springs and neaps

When sun and moon pull in one line, the water rises highest; the sailors call this a spring tide.

## Harbour rules

Boats longer than nine metres moor at the outer pier, and the gate is locked at 22:00.
"""
MOORS = "Boats longer than nine metres moor at the outer pier."


async def add(client: httpx.AsyncClient, title: str = "Tides", content: str = TIDES, **more) -> dict:
    answer = await client.post(RESOURCES, json={"title": title, "text": content, **more}, timeout=PATIENCE)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def upload(client: httpx.AsyncClient, name: str, content: bytes, **fields) -> dict:
    answer = await client.post(RESOURCES, files={"file": (name, content)}, data=fields, timeout=PATIENCE)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def search(client: httpx.AsyncClient, query: str, *resources: dict, limit: int = 3) -> list[dict]:
    named = [{"uri": resource["uri"]} for resource in resources]
    answer = await client.post(SEARCH, json={"query": query, "limit": limit, "resources": named})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.fixture
async def tides(client):
    made = await add(client)
    yield made
    await client.delete(f"{RESOURCES}/{made['id']}")


async def test_a_text_is_ingested_as_a_run_and_found_by_what_a_question_means(client, tides):
    assert (tides["status"], tides["passages"], tides["error"]) == ("ready", 2, None)
    run = await ended(client, tides["run_id"])
    assert (run["kind"], run["status"]) == ("ingest", "succeeded")
    events = [event for _, event in await rejoin(client, run["id"])]
    steps = [event["stepName"] for event in events if event["type"] == "STEP_STARTED"]
    assert steps == ["fetch", "parse", "chunk", "embed", "index"]
    changes = [change for event in events if event["type"] == "STATE_DELTA" for change in event["delta"]]
    assert {"op": "replace", "path": "/embedded", "value": 2} in changes
    found = await search(client, "Where does a big ship tie up?", tides)
    assert found[0]["text"].startswith("Boats longer than nine metres")
    assert found[0]["uri"] == f"{tides['uri']}#Harbour%20rules"
    assert (await client.get(f"{RESOURCES}/{tides['id']}")).json() == tides


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("pier.pdf", documents.pdf("Nothing yet.", MOORS), {"page": 2, "heading": ""}),
        ("pier.docx", documents.word_document("Rules", MOORS), {"page": None, "heading": "Rules"}),
        ("pier.pptx", documents.presentation("Rules", MOORS), {"page": 2, "heading": "Rules 2"}),
        ("pier.xlsx", documents.workbook(("Rule", "Of"), (MOORS, 1)), {"page": None, "heading": "Prices"}),
        ("pier.md", f"# Pier\n\n## Rules\n\n{MOORS}".encode(), {"page": None, "heading": "Pier > Rules"}),
        ("pier.txt", MOORS.encode("utf-16"), {"page": None, "heading": ""}),
        (
            "pier.html",
            f"<html><head><title>Pier</title></head><body><article><h1>Rules</h1><p>{MOORS}</p></article>".encode(),
            {"page": None, "heading": "Rules"},
        ),
    ],
)
async def test_each_kind_of_file_is_read_and_cited_by_page_or_heading(client, name, content, place):
    made = await upload(client, name, content, title="The pier")
    assert (made["status"], made["file_name"], made["title"]) == ("ready", name, "The pier"), made
    (best, *_) = await search(client, "Where do boats of more than nine metres moor?", made)
    assert MOORS in best["text"]
    assert {"page": best["page"], "heading": best["heading"]} == place
    tail = (
        f"#page={place['page']}" if place["page"] else "#" + place["heading"].rpartition(" > ")[2].replace(" ", "%20")
    )
    assert best["uri"] == made["uri"] + ("" if tail == "#" else tail)
    assert (await client.delete(f"{RESOURCES}/{made['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("bomb.pdf", documents.bomb_pdf, "DOCUMENT_TOO_COMPLEX"),
        ("bomb.docx", documents.bomb_docx, "DOCUMENT_TOO_LARGE"),
        ("laughs.docx", documents.entities_docx, "DOCUMENT_UNREADABLE"),
        ("closed.pdf", documents.encrypted_pdf, "DOCUMENT_ENCRYPTED"),
        ("empty.pdf", lambda: b"", "DOCUMENT_EMPTY"),
        ("really-word.pdf", lambda: documents.word_document("a", "b"), "DOCUMENT_MISMATCH"),
        ("really-pdf.txt", lambda: documents.pdf("x"), "DOCUMENT_MISMATCH"),
        ("picture", lambda: b"\x89PNG\r\n\x1a\n\x00\x00", "DOCUMENT_UNSUPPORTED"),
        ("torn.xlsx", lambda: documents.workbook((1, 2))[:-400], "DOCUMENT_UNREADABLE"),
        ("blank.pdf", lambda: documents.pdf(""), "DOCUMENT_WITHOUT_TEXT"),
    ],
)
async def test_what_cannot_be_read_fails_with_its_reason_and_harms_nothing_else(client, tides, name, make, code):
    made, fine = await asyncio.gather(upload(client, name, await asyncio.to_thread(make)), add(client, "Beside it"))
    assert (made["status"], made["error_code"], made["passages"]) == ("failed", code, 0)
    assert made["error"].endswith(".")
    assert fine["status"] == "ready"
    run = await ended(client, made["run_id"])
    assert (run["status"], run["error"]["code"]) == ("failed", code)
    for resource in (made, fine):
        assert (await client.delete(f"{RESOURCES}/{resource['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"json": {}}, 400, "url"),
        ({"json": {"text": "x"}}, 400, "title"),
        ({"json": {"text": "x", "title": "x", "url": "https://example.org"}}, 400, "either"),
        ({"json": {"text": "x", "title": "x", "user_id": 1}}, 400, "user_id"),
        ({"json": {"text": "x", "title": "x", "status": "ready"}}, 400, "status"),
        ({"json": {"text": "x", "title": "x", "replaces": "x"}}, 400, "replaces"),
        ({"json": {"url": "file:///etc/passwd"}}, 400, "http"),
        ({"json": {"url": "http://169.254.169.254/latest"}}, 400, "public"),
        ({"json": {"url": "http://127.0.0.1:8000/"}}, 400, "public"),
        ({"json": {"url": "http://0x7f000001/"}}, 400, "host"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "JSON"),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "multipart"),
        ({"files": {"file": ("run.exe", b"MZ")}}, 415, ".exe"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"owner": "2"}}, 400, "owner"),
        ({"files": {"file": ("a.txt", b"x" * 25_000_001)}}, 413, "bytes"),
        ({"json": {"text": "x" * 1_000_001, "title": "x"}}, 413, ""),
    ],
)
async def test_bad_input_is_one_clear_error(client, given, status, says):
    answer = await client.post(RESOURCES, **given)
    assert answer.status_code == status, answer.text
    assert says in answer.text


@pytest.mark.parametrize(
    "query", ["it's", "a\\b 'c' \\'d", "& | ! :* <-> ()", "the of and", "?", "/a/b\\c.txt x@y.z", "长" * 300]
)
async def test_any_question_may_be_asked(client, tides, query):
    answer = await client.post(SEARCH, json={"query": query})
    assert (answer.status_code, answer.json()["method"]) == (200, "hybrid"), answer.text


async def test_nobody_adds_or_searches_without_signing_in(base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        for answer in (
            await anonymous.get(RESOURCES),
            await anonymous.post(RESOURCES, json={"title": "x", "text": "x"}),
            await anonymous.post(SEARCH, json={"query": "x"}),
            await anonymous.delete(f"{RESOURCES}/{uuid.uuid4()}"),
        ):
            assert answer.status_code == 401


async def test_an_agent_retrieves_from_the_documents_and_cites_their_addresses(client, tides):
    uri = f"{tides['uri']}#Harbour%20rules"
    asks = (
        f'Where? [tool:retrieve {{"query": "Where do long boats moor?", "count": 1}}] [say=At the outer pier ({uri}).]'
    )
    response, events = await chat(client, asks)
    (result,) = [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert uri in result
    assert "outer pier" in result
    stored = (await client.get(f"/agent/threads/{response.headers['X-Thread-Id']}/messages")).json()["items"]
    (tool,) = [message for message in stored if message["role"] == "tool"]
    assert tool["sources"][0] == {"title": "Tides, Tides of the Bay > Harbour rules", "url": uri}
    assert uri in text_of(events)


async def test_the_resources_of_a_chat_are_all_that_it_retrieves_from(client, tides):
    other = await add(client, "Boats", "# Boats\n\nLong boats moor wherever their owners like.")
    asks = 'Where? [tool:retrieve {"query": "Where do long boats moor?", "count": 20}]'
    _, events = await chat(client, asks, resources=[{"uri": other["uri"], "title": "Boats"}])
    (result,) = [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert "wherever their owners like" in result
    assert tides["uri"] not in result
    await client.delete(f"{RESOURCES}/{other['id']}")


async def test_retrieve_is_offered_to_those_alone_who_have_documents(client, other_client, fake_model, tides):
    async def offered(to: httpx.AsyncClient) -> set[str]:
        mark = uuid.uuid4().hex
        await chat(to, f"[say={mark}]")
        asked = next(request for request in fake_model.requests if mark in json.dumps(request))
        return {tool["function"]["name"] for tool in asked["tools"]}

    assert "retrieve" in await offered(client)
    # `other` has no worker fixture of its own: the one of `client` serves both
    assert "retrieve" not in await offered(other_client)


async def test_somebody_else_s_documents_are_like_none_at_all(client, other_client, tides):
    named = [{"uri": tides["uri"]}]
    assert (await other_client.get(RESOURCES)).json()["total"] == 0
    for answer in (
        await other_client.post(SEARCH, json={"query": "boats", "resources": named}),
        await other_client.post(CHAT, json=body("boats", resources=named)),
        await other_client.post(RESOURCES, json={"title": "mine", "text": "now", "replaces": tides["id"]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND"), answer.text
    assert await search(other_client, "Where do long boats moor?") == []
    assert (await client.post(CHAT, json=body("x", resources=[{"uri": "rag://x"}]))).status_code == 400
    assert (await client.post(CHAT, json=body("x", resources=[{"uri": f"rag://{uuid.uuid4()}"}]))).status_code == 404
    assert (await client.get(f"{RESOURCES}/{tides['id']}")).json() == tides


async def test_a_list_is_searched_by_title_by_name_and_by_words(client, tides):
    other = await upload(client, "minutes-of-march.txt", b"The committee met and bought a lawnmower.")

    async def ids(query: str) -> list[str]:
        return [item["id"] for item in (await client.get(RESOURCES, params={"query": query})).json()["items"]]

    assert await ids("tide") == [tides["id"]]
    assert await ids("of-march") == [other["id"]]
    assert await ids("committees lawnmowers") == [other["id"]]
    assert await ids("100%") == []
    page = (await client.get(RESOURCES, params={"size": 1, "status": "ready"})).json()
    assert len(page["items"]) == 1
    assert page["total"] == page["total_pages"] >= 2
    await client.delete(f"{RESOURCES}/{other['id']}")


async def test_the_same_request_twice_makes_one_resource_and_another_body_a_conflict(client):
    headers, given = {"Idempotency-Key": uuid.uuid4().hex}, {"title": "Once", "text": "Only once."}
    both = await asyncio.gather(*(client.post(RESOURCES, json=given, headers=headers) for _ in range(3)))
    assert {answer.status_code for answer in both} == {201}
    assert len({answer.json()["id"] for answer in both}) == 1
    other = await client.post(RESOURCES, json={**given, "text": "Twice."}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    later = await client.post(RESOURCES, json=given, headers={**headers, "Prefer": "respond-async"})
    assert (later.status_code, later.headers["Location"]) == (202, f"/api/v1/agent/runs/{later.json()['run_id']}")
    assert (await client.get(RESOURCES, params={"query": "Once"})).json()["total"] == 1
    await client.delete(f"{RESOURCES}/{later.json()['id']}")


async def passage_ids(database: Database, resource: dict) -> list[int]:
    async with database.transaction() as session:
        query = text("select id from rag_passages where resource_id = :id order by position")
        return list((await session.scalars(query, {"id": uuid.UUID(resource["id"])})).all())


async def test_new_content_replaces_the_old_and_the_same_content_is_left_as_it_is(client, database, tides):
    before = await passage_ids(database, tides)
    same = await add(client, replaces=tides["id"])
    assert (same["id"], await passage_ids(database, tides)) == (tides["id"], before)
    run = await ended(client, same["run_id"])
    steps = [e["stepName"] for _, e in await rejoin(client, run["id"]) if e["type"] == "STEP_STARTED"]
    assert steps == ["fetch", "index"]
    changed = await add(client, "Tides", TIDES.replace("22:00", "23:30"), replaces=tides["id"])
    assert (changed["id"], changed["sha256"] != tides["sha256"]) == (tides["id"], True)
    assert not set(before) & set(await passage_ids(database, tides))
    (best, *_) = await search(client, "When is the gate locked?", tides)
    assert "23:30" in best["text"]
    refused = await client.post(f"{RESOURCES}/{tides['id']}/refresh")
    assert (refused.status_code, refused.json()["code"]) == (400, "RESOURCE_WITHOUT_URL")


async def test_a_resource_whose_new_content_cannot_be_read_keeps_its_old_one(client, tides):
    answer = await client.post(RESOURCES, files={"file": ("x.pdf", b"no pdf at all")}, data={"replaces": tides["id"]})
    made = answer.json()
    assert (made["status"], made["error_code"], made["passages"]) == ("ready", "DOCUMENT_MISMATCH", 2)
    assert await search(client, "Where do long boats moor?", tides)


async def test_a_deleted_resource_leaves_no_trace(client, database, settings, tides):
    word = f"zyx{uuid.uuid4().hex}"
    made = await upload(client, f"{word}.txt", f"The word is {word}.".encode(), title=word)
    folder = Path(settings.data_dir) / "storage" / "rag" / made["id"]
    assert [path.read_bytes() for path in folder.iterdir()] == [f"The word is {word}.".encode()]
    assert (await client.delete(f"{RESOURCES}/{made['id']}")).status_code == 204
    assert not folder.exists() or not list(folder.iterdir())
    assert (await client.get(f"{RESOURCES}/{made['id']}")).status_code == 404
    assert (await client.get(f"/agent/runs/{made['run_id']}")).status_code == 404
    async with database.transaction() as session:
        for table in ("rag_resources", "rag_passages", "runs", "run_parts", "idempotency_keys"):
            left = await session.scalar(
                text(f"select count(*) from {table} t where t::text like :word"), {"word": f"%{word}%"}
            )
            assert left == 0, table
    assert word not in json.dumps(await search(client, word))
    assert (await client.delete(f"{RESOURCES}/{made['id']}")).status_code == 404
