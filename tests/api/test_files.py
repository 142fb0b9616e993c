"""Files that users bring: staged, attached to chats, shown to models, deleted when their time is over."""

import base64
import io
import uuid
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from agents_backend.contracts.activities import EXPIRE_FILES_WORKFLOW
from agents_backend.db.base import Database, now
from agents_backend.db.tables.files import StagedFile
from agents_backend.domain.media_types import TextCheck, sniff
from agents_backend.integrations.storage import Storage
from agents_backend.integrations.temporal import connect
from agents_backend.services.staged_files import StagedFiles, clean_name, key_of
from agents_backend.settings import FileSettings, ModelConfig, ModelSettings, Settings
from tests.api.people import until
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.running import running_worker
from tests.schedulers import upkeep_now
from tests.serving import serving
from tests.streams import CHAT, body, chat, read, text_of

FILES, AG_UI = "/agent/files", "/agent/ag-ui/chat"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def upload(client: httpx.AsyncClient, name: str, content: bytes, claimed: str = "text/plain", **headers) -> dict:
    answer = await client.post(f"{FILES}/upload", files={"file": (name, content, claimed)}, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/v1{FILES}/{answer.json()['id']}"
    return answer.json()


async def test_a_file_is_staged_listed_read_in_ranges_and_deleted(client):
    content = b"name,value\n" + b"a,1\n" * 1_000
    made = await upload(client, "list.csv", content)
    assert (made["name"], made["media_type"], made["size"]) == ("list.csv", "text/csv", len(content))
    assert (await client.get(f"{FILES}/{made['id']}")).json() == made
    assert (await client.get(FILES)).json()["items"][0] == made
    whole = await client.get(made["url"].removeprefix("/api/v1"))
    assert whole.content == content
    part = await client.get(made["url"].removeprefix("/api/v1"), headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, b"value")
    again = await client.get(made["url"].removeprefix("/api/v1"), headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304
    assert (await client.delete(f"{FILES}/{made['id']}")).status_code == 204
    for path in (f"{FILES}/{made['id']}", f"{FILES}/{made['id']}/content"):
        gone = await client.get(path)
        assert (gone.status_code, gone.json()["code"]) == (404, "FILE_NOT_FOUND")


async def test_what_a_file_is_says_its_bytes_and_it_is_served_so_that_it_can_do_nothing(client):
    page = await upload(client, '../../"x"\r\n.html', b"<script>alert(1)</script>", "image/png")
    assert (page["name"], page["media_type"]) == ('"x" .html', "text/html")
    picture = await upload(client, "letter.txt", PNG, "text/plain")
    assert picture["media_type"] == "image/png"
    answer = await client.get(page["url"].removeprefix("/api/v1"))
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


def test_media_types_by_their_bytes():
    office = io.BytesIO()
    with zipfile.ZipFile(office, "w") as made:
        made.writestr("[Content_Types].xml", "<x/>")
        made.writestr("word/document.xml", "<x/>")
    assert sniff(office.getvalue(), "a.zip", is_text=False).endswith("wordprocessingml.document")
    assert sniff(b"%PDF-1.7", "a.txt", is_text=False) == "application/pdf"
    assert sniff(b"\x00\x01", "a.png", is_text=False) == "application/octet-stream"
    assert sniff(b"", "notes.md", is_text=True) == "text/markdown"
    check = TextCheck()
    for byte in "naïve 日本".encode():
        check.feed(bytes([byte]))
    assert check.end()
    for wrong in (b"a\x00b", b"\xff\xfe", "日".encode()[:2]):
        check = TextCheck()
        check.feed(wrong)
        assert not check.end()


def test_a_name_is_one_line_without_folders():
    assert clean_name("C:\\temp\\a b.txt") == "a b.txt"
    assert clean_name("/etc/") == "file"
    assert clean_name("x" * 300) == "x" * 255


async def test_the_same_key_gives_the_same_file_and_another_file_a_conflict(client):
    key = {"Idempotency-Key": f"file-{uuid.uuid4()}"}
    first = await upload(client, "a.txt", b"one", **key)
    second = await upload(client, "a.txt", b"one", **key)
    assert second["id"] == first["id"]
    answer = await client.post(f"{FILES}/upload", files={"file": ("a.txt", b"two")}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    await client.delete(f"{FILES}/{first['id']}")
    answer = await client.post(f"{FILES}/upload", files={"file": ("a.txt", b"one")}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_GONE")


async def test_forms_that_are_none_are_refused(client):
    assert (await client.post(f"{FILES}/upload", json={})).status_code == 415
    assert (await client.post(f"{FILES}/upload", files={"other": ("a", b"x")})).status_code == 400
    assert (await client.post(f"{FILES}/upload", data={"file": "no file"})).status_code in {400, 415}


async def test_another_s_or_a_missing_file_starts_nothing(client, other_client):
    mine = await upload(client, "mine.txt", b"mine")
    before = (await other_client.get("/agent/runs")).json()["total"]
    for ids in ([mine["id"]], [str(uuid.uuid4())]):
        given = body("look", file_ids=ids)
        for path, asked in ((CHAT, given), ("/agent/agent/stream", given), (AG_UI, agui("look", file_ids=ids))):
            answer = await other_client.post(path, json=asked)
            assert (answer.status_code, answer.json()["code"]) == (404, "FILE_NOT_FOUND")
    assert (await client.post(CHAT, json=body("look", file_ids=["x"]))).status_code == 400
    assert (await other_client.get("/agent/runs")).json()["total"] == before
    assert (await other_client.get("/agent/threads")).json()["total"] == before


async def test_no_client_names_a_file_in_a_part_of_its_own(client):
    part = {"type": "staged_file", "file_id": str(uuid.uuid4()), "name": "x", "media_type": "text/plain", "size": 1}
    given = {"threadId": "t", "runId": "r", "messages": [{"id": "m", "role": "user", "content": [part]}]}
    answer = await client.post("/agent/ag-ui/chat", json=given)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def agui(text: str, **forwarded) -> dict:
    """What AG-UI's own client sends."""
    thread_id, run_id, message_id = (str(uuid.uuid4()) for _ in range(3))
    messages = [{"id": message_id, "role": "user", "content": text}]
    return {"threadId": thread_id, "runId": run_id, "messages": messages, "forwardedProps": forwarded}


async def asked(fake: FakeOpenAI) -> list[dict]:
    """The parts of the last message of the user, as the model was given them."""
    content = [m["content"] for m in fake.requests[-1]["messages"] if m["role"] == "user"][-1]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


async def test_a_text_file_is_given_to_the_model_and_stands_with_its_message(client, fake_model):
    made = await upload(client, "notes.md", b"# The launch code is 0000\n")
    response, _ = await chat(client, "what is it? [say=zeros]", file_ids=[made["id"]])
    texts = [part["text"] for part in await asked(fake_model)]
    assert texts[0] == "what is it? [say=zeros]"
    assert "The launch code is 0000" in texts[1]
    assert "notes.md" in texts[1]
    thread = response.headers["X-Thread-Id"]
    stored = (await client.get(f"/agent/threads/{thread}/messages")).json()["items"]
    assert stored[0]["content"] == "what is it? [say=zeros]"
    assert [item["name"] for item in stored[0]["files"]] == ["notes.md"]
    kept = (await client.get(f"{FILES}/{made['id']}")).json()
    assert kept["expires_at"] > made["expires_at"]
    await client.delete(f"{FILES}/{made['id']}")
    await chat(client, "and now? [say=gone]", thread_id=thread)
    told = next(m["content"] for m in fake_model.requests[-1]["messages"] if m["role"] == "user")
    assert "has been deleted" in str(told)
    assert "0000" not in str(told)


async def test_ag_ui_s_clients_attach_files_by_what_they_forward(client, fake_model):
    made = await upload(client, "notes.md", b"# The launch code is 0000\n")
    given = agui("what is it? [say=zeros]", file_ids=[made["id"]])
    async with client.stream("POST", AG_UI, json=given) as response:
        assert text_of([event for _, event in await read(response)]) == "zeros"
    assert "The launch code is 0000" in (await asked(fake_model))[1]["text"]
    stored = (await client.get(f"/agent/threads/{given['threadId']}/messages")).json()["items"]
    assert [item["file_id"] for item in stored[0]["files"]] == [made["id"]]


@pytest.mark.parametrize("ids", [["x"], [str(uuid.uuid4())] * 21, "x", {}])
async def test_what_ag_ui_s_clients_forward_is_checked_as_a_body_is(client, ids):
    answer = await client.post(AG_UI, json=agui("look", file_ids=ids))
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert answer.json()["errors"][0]["loc"][:3] == ["body", "forwardedProps", "file_ids"]


async def test_a_message_that_was_said_before_gets_no_files_afterwards(client):
    given = agui("[say=x]")
    assert (await client.post(AG_UI, json=given)).status_code == 200
    made = await upload(client, "late.txt", b"late")
    again = given | {"runId": str(uuid.uuid4()), "forwardedProps": {"file_ids": [made["id"]]}}
    answer = await client.post(AG_UI, json=again)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (400, ["body", "file_ids"])


async def test_a_picture_goes_to_no_model_that_does_not_see_and_other_files_go_by_their_name(client, fake_model):
    picture, report = await upload(client, "p.png", PNG), await upload(client, "r.pdf", b"%PDF-1.7 secret-words")
    await chat(client, "look [say=ok]", file_ids=[picture["id"], report["id"]])
    parts = await asked(fake_model)
    assert [part["type"] for part in parts] == ["text"] * 3
    assert "p.png (image/png" in parts[1]["text"]
    assert "r.pdf (application/pdf" in parts[2]["text"]
    assert "secret-words" not in str(parts)


@pytest.fixture(scope="module")
async def seeing(tmp_path_factory) -> AsyncIterator[tuple[httpx.AsyncClient, FakeOpenAI, Settings]]:
    """A deployment whose model sees, with small limits."""
    async with running_stack() as stack, FakeOpenAI() as fake:
        model = ModelConfig(name="eyes", model="fake", base_url=fake.base_url, vision=True)
        limits = FileSettings(max_bytes=10_000, per_user=2, text_bytes=50, image_bytes=1_000)
        folder = tmp_path_factory.mktemp("seeing")
        settings = settings_for(stack, models=ModelSettings(list=(model,)), files=limits, data_dir=folder)
        async with serving(settings) as client:
            yield client, fake, settings


async def test_a_model_that_sees_is_given_pictures_and_the_beginning_of_long_texts(seeing):
    client, fake, _ = seeing
    picture, text = await upload(client, "p.png", PNG), await upload(client, "t.txt", b"begin " + b"x" * 200)
    await chat(client, "look [say=ok]", file_ids=[picture["id"], text["id"]])
    _, image, told = await asked(fake)
    assert image["type"] == "image_url"
    assert image["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert "begin xxx" in told["text"]
    assert "156 bytes more are left out" in told["text"]
    refused = await client.post(f"{FILES}/upload", files={"file": ("c.txt", b"a third")})
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_FILES")
    for made in (picture, text):
        await client.delete(f"{FILES}/{made['id']}")
    large = await upload(client, "large.png", PNG + b"\0" * 1_000)
    await chat(client, "look again [say=ok]", file_ids=[large["id"]])
    assert "large.png" in (await asked(fake))[1]["text"]


async def test_a_file_that_is_too_large_is_refused_wherever_its_end_is_seen(seeing):
    client, *_ = seeing
    for size in (10_001, 300_000):
        answer = await client.post(f"{FILES}/upload", files={"file": ("big.bin", b"x" * size)})
        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_files_past_their_time_are_gone_at_once_and_their_bytes_with_the_next_round(client, settings, database):
    old, young = await upload(client, "old.txt", b"old"), await upload(client, "young.txt", b"young")
    await expire(database, old["id"])
    assert (await client.get(f"{FILES}/{old['id']}")).status_code == 404
    assert (await client.post(CHAT, json=body("look", file_ids=[old["id"]]))).status_code == 404
    storage = Storage(settings.storage, settings.data_dir)
    staged = StagedFiles(database=database, storage=storage, settings=settings.files)
    assert await staged.expire() == 1
    assert await storage.size(key_of(uuid.UUID(old["id"]))) is None
    assert await storage.size(key_of(uuid.UUID(young["id"]))) == 5


async def test_the_schedule_deletes_what_is_past_its_time(seeing):
    client, _, settings = seeing
    for item in (await client.get(FILES)).json()["items"]:
        await client.delete(f"{FILES}/{item['id']}")
    made = await upload(client, "old.txt", b"old")
    temporal, storage = await connect(settings), Storage(settings.storage, settings.data_dir)
    async with Database(settings.database) as database, running_worker(settings, ["background"]):
        await expire(database, made["id"])
        await upkeep_now(temporal, EXPIRE_FILES_WORKFLOW)

        async def gone() -> bool:
            async with database.transaction() as session:
                return await session.get(StagedFile, uuid.UUID(made["id"])) is None

        await until(gone, 60)
        assert await storage.size(key_of(uuid.UUID(made["id"]))) is None
        assert (await client.get(f"{FILES}/{made['id']}")).status_code == 404


async def expire(database: Database, file_id: str) -> None:
    async with database.transaction() as session:
        query = update(StagedFile).where(StagedFile.id == uuid.UUID(file_id))
        await session.execute(query.values(expires_at=now() - timedelta(seconds=1)))
