"""The Temporal UI of the embedded server shows what is encrypted to whoever is signed in to the console in the same browser."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from playwright.async_api import Browser, Page, expect

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.integrations.temporal import connect
from agents_backend.services.seeds import seed
from agents_backend.settings import ApiSettings
from agents_backend.stack.process import free_port
from tests.conftest import PASSWORD, running_stack, settings_for
from tests.running import running_api

MEMO = "what-only-some-may-read"


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[SimpleNamespace]:
    """An API and the UI that was told of it; one encrypted run, which waits for ever."""
    api = ApiSettings(port=free_port())
    async with running_stack(ui_for=api) as stack:
        settings = settings_for(stack, api=api)
        ui_url = stack.environment()["TEMPORAL_UI_URL"]
        temporal = settings.temporal.model_copy(update={"ui_url": ui_url})
        settings = settings.model_copy(update={"temporal": temporal})
        await asyncio.to_thread(upgrade, settings.database.url.get_secret_value())
        async with Database(settings.database) as database:
            await seed(database, settings)
        await (await connect(settings)).start_workflow("waits", MEMO, id="encrypted", task_queue="nobody")
        async with running_api(settings, port=api.port):
            yield SimpleNamespace(api=api, ui=f"{ui_url}/namespaces/default/workflows/encrypted")


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    context.set_default_timeout(60_000)
    yield await context.new_page()
    with contextlib.suppress(Exception):
        await context.close()


async def use_credentials(page: Page, codec_url: str) -> None:
    """As docs/deploy.md says it to people."""
    await page.get_by_test_id("data-encoder-status-error").first.click()
    await page.get_by_text("Use my browser setting and ignore Cluster-level setting").first.click()
    await page.get_by_label("Codec Server browser endpoint").first.fill(codec_url)
    await page.get_by_text("Include cross-origin credentials").first.click()
    await page.get_by_role("button", name="Apply").first.click()


async def test_a_run_is_ciphertext_until_the_browser_is_an_administrator_s(page, site):
    async with page.expect_response(lambda response: "/payloads/decode" in response.url) as asked:
        await page.goto(site.ui)
    refused = await asked.value
    assert refused.url.startswith(f"{site.api.codec_url}/decode")
    assert refused.status == 401
    await use_credentials(page, site.api.codec_url)
    await expect(page.get_by_test_id("input-and-result")).not_to_contain_text(MEMO)
    await page.goto(site.api.base_url)
    await page.get_by_label("User name").fill("admin")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_label("Message", exact=True).wait_for()
    await page.goto(site.ui)
    await expect(page.get_by_test_id("input-and-result")).to_contain_text(MEMO)
