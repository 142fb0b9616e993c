"""Sandboxes and slides in headless Chromium, on the embedded sandbox host."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect
from pptx import Presentation

from agents_backend.settings import SandboxSettings
from tests.conftest import settings_for
from tests.running import running_worker
from tests.sandbox_host.running_host import CannotIsolate, RunningHost
from tests.sandboxes.conftest import e2b_of, serving, signed_in

pytestmark = pytest.mark.browser
BASE = "/agent/sandboxes"
ATTACK = '<img src=x onerror="window.hacked=1"><b>bold</b>'


@pytest.fixture(scope="module")
async def url(stack, database) -> AsyncIterator[str]:
    """An API with sandboxes, and their worker."""
    host = RunningHost()
    try:
        host.start()
    except CannotIsolate as reason:
        host.remove()
        pytest.skip(f"the sandbox host cannot run here: {reason}")
    settings = settings_for(stack, e2b=e2b_of(host), sandboxes=SandboxSettings(per_user=60))
    async with running_worker(settings, ["sandbox"]), serving(settings) as url:
        yield url
    host.stop()
    host.remove()


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(url) as client:
        yield client


@pytest.fixture
async def sandbox(client: httpx.AsyncClient) -> AsyncIterator[str]:
    made = await client.post(BASE, json={})
    assert made.status_code == 201, made.text
    yield made.json()["sandbox_id"]
    await client.delete(f"{BASE}/{made.json()['sandbox_id']}")


@pytest.fixture
async def page(visit, url: str) -> AsyncIterator[Page]:
    """The signed-in console. That a slide's own handlers are refused is told there too, and is as it should be."""
    one = await visit(url.removesuffix("/api/v1"))
    yield (await one.sign_in()).page
    one.complaints[:] = [text for text in one.complaints if not text.startswith("Executing inline event handler")]


async def at(page: Page, place: str) -> None:
    await page.goto(f"{page.url.partition('#')[0]}#/{place}")


async def run(page: Page, command: str) -> None:
    await page.get_by_label("Command", exact=True).fill(command)
    await page.keyboard.press("Enter")


async def test_a_sandbox_is_made_paused_resumed_and_deleted(page, client):
    await at(page, "sandboxes")
    await page.get_by_role("button", name="New sandbox").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Paused after").fill("5")
    await form.get_by_role("button", name="Make it").click()
    await expect(form.get_by_label("Paused after")).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("Paused after").fill("600")
    await form.get_by_label("Name").fill("made here")
    await form.get_by_role("button", name="Make it").click()
    await expect(page.get_by_role("heading", name="made here")).to_be_visible()
    await page.get_by_role("button", name="Pause", exact=True).click()
    await expect(page.locator(".machine .badge")).to_have_text("paused")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator(".machine .badge")).to_have_text("running")
    await page.get_by_role("button", name="VS Code, MCP and ports").click()
    await expect(page.get_by_text("/mcp", exact=False)).to_be_visible()
    await page.get_by_role("link", name="All sandboxes").click()
    row = page.get_by_role("row").filter(has_text="made here")
    await row.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)
    left = (await client.get(BASE)).json()["items"]
    assert "made here" not in {box["session_id"] for box in left}


async def test_a_command_says_its_output_while_it_runs_and_is_found_again(page, sandbox):
    await at(page, f"sandboxes/{sandbox}")
    log = page.get_by_role("log", name="Commands")
    await run(page, f"echo '{ATTACK}'; echo wrong >&2; exit 3")
    first = log.get_by_role("article").first
    await expect(first.locator(".badge")).to_have_text("exit 3")
    await expect(first.locator(".out")).to_have_text(ATTACK)
    await expect(first.locator(".err")).to_have_text("wrong")
    await run(page, "cd /tmp")
    await expect(page.get_by_label("Folder", exact=True)).to_have_value("/tmp")
    await run(page, "pwd; printf '\\033[31mred\\033[0m\\n'; until [ -e go ]; do sleep 0.1; done; echo on")
    third = log.get_by_role("article").nth(2)
    await expect(third.locator(".out")).to_have_text("/tmp\nred\n")
    await page.reload()
    await expect(third.locator(".badge")).to_have_text("running")
    await page.get_by_label("Folder", exact=True).fill("/tmp")
    await run(page, "touch go")
    await expect(third.locator(".out")).to_have_text("/tmp\nred\non\n")
    await page.get_by_label("Command", exact=True).press("ArrowUp")
    await expect(page.get_by_label("Command", exact=True)).to_have_value("touch go")
    assert await log.locator("img, b").count() == 0
    assert await page.evaluate("window.hacked") is None


async def test_a_command_in_the_background_is_followed_beside_others_and_stopped(page, sandbox):
    await at(page, f"sandboxes/{sandbox}")
    articles = page.get_by_role("log", name="Commands").get_by_role("article")
    await page.get_by_label("In the background").check()
    await run(page, "echo begun; sleep 600")
    await expect(articles.first.locator(".out")).to_have_text("begun\n")
    await page.get_by_label("In the background").uncheck()
    await run(page, "echo beside")
    await expect(articles.nth(1).locator(".badge")).to_have_text("exit 0")
    await articles.first.get_by_role("button", name="Stop").click()
    await expect(articles.first.locator(".badge")).to_have_text("cancelled")
    await expect(articles.first.locator(".out")).to_have_text("begun\n")


async def test_files_are_made_changed_uploaded_and_downloaded(page, client, sandbox, tmp_path: Path):
    await at(page, f"sandboxes/{sandbox}/files")
    await page.get_by_role("button", name="New folder").click()
    await page.get_by_role("dialog").get_by_label("Name").fill("work")
    await page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    await page.get_by_role("link", name="work/").click()
    await expect(page.get_by_text("This folder is empty.")).to_be_visible()
    await page.get_by_role("button", name="New file").click()
    await page.get_by_role("dialog").get_by_label("Name").fill("a.txt")
    await page.get_by_role("dialog").get_by_role("button", name="Write it").click()
    text = page.get_by_label("/home/user/work/a.txt")
    await text.fill(f"{ATTACK}\nsecond")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    read = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/home/user/work/a.txt"})
    assert read.json()["content"] == f"{ATTACK}\nsecond"
    await page.reload()
    await expect(text).to_have_value(f"{ATTACK}\nsecond")
    await text.fill("lost")
    await page.get_by_role("button", name="Back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    (tmp_path / "b.bin").write_bytes(b"\xff\x00\xfe" * 1000)
    await page.locator("input[type=file]").set_input_files(tmp_path / "b.bin")
    row = page.get_by_role("row").filter(has_text="b.bin")
    await expect(row).to_contain_text("3.00 kB")
    async with page.expect_download() as download:
        await row.get_by_role("button", name="Download").click()
    assert (await (await download.value).path()).read_bytes() == b"\xff\x00\xfe" * 1000
    await row.get_by_role("link").click()
    await expect(page.get_by_text(re.compile("This is no text"))).to_be_visible()
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()


PAGE = """<!doctype html><html><head><style>h1 { color: rgb(1, 2, 3) }</style></head><body><h1>Result %d</h1>
<script>document.querySelector("h1").textContent = "hacked"</script>
<img src=x onerror="document.querySelector('h1').textContent = 'hacked'"></body></html>"""


async def test_slides_are_shown_without_running_what_is_in_them_changed_and_exported(page, client, sandbox):
    for n in (1, 2):
        body = {"presentation_name": "Q3", "title": f"Slide {ATTACK} {n}", "content": PAGE % n}
        assert (await client.post(f"{BASE}/{sandbox}/slides", json=body)).status_code == 201
    await at(page, f"slides/{sandbox}")
    shown = page.frame_locator(".stage iframe").get_by_role("heading")
    await expect(shown).to_have_text("Result 1")
    await expect(shown).to_have_css("color", "rgb(1, 2, 3)")
    await page.get_by_role("button", name="Next").press("Enter")  # a click after a scroll may still meet the frame
    await expect(shown).to_have_text("Result 2")
    await page.get_by_role("list", name="Slides").get_by_role("button").first.click()
    await expect(shown).to_have_text("Result 1")
    await page.get_by_role("button", name="Edit").click()
    await page.get_by_role("dialog").get_by_label("Number").fill("2")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("2")
    await page.get_by_role("dialog").get_by_label("Number").fill("1")
    await page.get_by_role("dialog").get_by_label("HTML").fill("<h1>Better</h1>")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(shown).to_have_text("Better")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export PPTX").click()
    saved = await download.value
    assert saved.suggested_filename == "Q3.pptx"
    assert len(Presentation(io.BytesIO((await saved.path()).read_bytes())).slides) == 2
    assert await page.locator("main :is(img, b)").count() == 0
