"""Files, documents and MCP settings in headless Chromium."""

import uuid
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.console.test_media import ATTACK, at

pytestmark = pytest.mark.browser


async def test_a_file_is_uploaded_attached_to_a_message_and_shown_with_it(visit, client, tmp_path: Path):
    name = f"notes {uuid.uuid4().hex[:8]}.md"
    (tmp_path / name).write_text("# Notes\n\nThe word is heliotrope.")
    one = await at(visit, "#/files")
    await one.page.locator("main input[type=file]").set_input_files(tmp_path / name)
    await one.page.get_by_role("link", name=f"Use {name} in a chat").click()
    waiting = one.page.get_by_role("list", name="Files to send")
    await expect(waiting).to_contain_text(name)
    (tmp_path / "second.txt").write_text("second")
    await one.page.locator("form input[type=file]").set_input_files(tmp_path / "second.txt")
    await one.page.get_by_role("button", name="Leave out second.txt").click()
    await one.say("what is the word? [tokens=2 delay=1]")
    for _ in range(2):
        await one.finished()
        await expect(one.page.locator(".turn.user .chip")).to_have_text([name])
        await one.page.reload()
    await expect(waiting).to_be_hidden()
    messages = (await client.get(f"/agent/threads/{await one.thread_id()}/messages")).json()["items"]
    assert [file["name"] for file in messages[0]["files"]] == [name]
    await one.open("#/files")
    await one.page.get_by_role("button", name=f"Delete {name}").click()
    await one.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(one.page.get_by_text(name, exact=True)).to_have_count(0)


async def test_a_document_is_added_found_chosen_for_a_chat_and_deleted(visit, fake_model):
    title = f"House rules {ATTACK} {uuid.uuid4().hex[:8]}"
    one = await at(visit, "#/documents")
    await one.page.get_by_role("button", name="Add a text").click()
    dialog = one.page.get_by_role("dialog")
    await dialog.get_by_label("Text (Markdown)").fill("# Quiet hours\n\nIt must be quiet from 22:00 <b>on</b>.")
    await dialog.get_by_label("Title").fill(title)
    await dialog.get_by_role("button", name="Add it").click()
    row = one.page.get_by_role("row").filter(has_text=title)
    await expect(row.locator(".badge")).to_have_text("ready")
    await one.page.get_by_label("What would an agent find?").fill("When must it be quiet?")
    await one.page.get_by_role("button", name="Find").click()
    await expect(one.page.locator(".found li").first).to_contain_text("22:00 <b>on</b>")
    assert await one.page.locator("main :is(img, b)").count() == 0
    await one.open("#/chat")
    await one.page.get_by_role("button", name="More", exact=True).click()
    await one.page.get_by_label(title).check()
    await one.page.keyboard.press("Escape")
    async with one.page.expect_request("**/chat/stream") as sent:
        await one.say("quiet? [tokens=1 delay=1]")
    assert [resource["uri"][:6] for resource in (await sent.value).post_data_json["resources"]] == ["rag://"]
    await one.finished()
    await one.open("#/documents")
    await row.get_by_role("button", name="Delete").click()
    await one.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)


async def test_codex_is_set_turned_off_and_deleted_and_its_key_is_never_shown(visit, client):
    await client.delete("/agent/user-settings/mcp/codex")  # another test's, if it is there
    one = await at(visit, "#/mcp")
    await one.page.get_by_role("button", name="Set Codex").click()
    dialog = one.page.get_by_role("dialog")
    await dialog.get_by_label("API key").fill("sk-canary-0123456789")
    await dialog.get_by_role("button", name="Save").click()
    mine = one.page.get_by_role("region", name="My settings")
    row = mine.get_by_role("row").filter(has_text="codex")
    await expect(row.locator(".badge")).to_have_text("on")
    await row.get_by_role("button", name="Turn off").click()
    await expect(row.locator(".badge")).to_have_text("off")
    assert "sk-canary-0123456789" not in await one.page.content()
    await row.get_by_role("button", name="Delete").click()
    await one.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(one.page.get_by_role("button", name="Set Codex")).to_be_visible()
    await mine.get_by_role("button", name="Add a server").click()
    await dialog.get_by_label("Name").fill("private")
    await dialog.get_by_label("URL").fill("http://127.0.0.1:1/mcp")
    await dialog.get_by_role("button", name="Connect").click()
    await expect(dialog.locator(".bad-text").filter(has_text="public").first).to_be_visible()
