"""Signing in to the console with GitHub, on a fake that is another site."""

import pytest
from playwright.async_api import expect

from agents_backend.settings import OAuth2Settings
from agents_backend.stack.process import free_port
from tests.api.people import PASSWORD, Admin
from tests.conftest import secret
from tests.fakes.oauth_provider import CLIENT_ID, CLIENT_SECRET, GITHUB_ISSUER, FakeProviders
from tests.running import running_api

pytestmark = pytest.mark.browser


@pytest.fixture
async def offering(settings, database):
    """The address of a console that offers GitHub alone, and GitHub."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with FakeProviders(url) as fake:
        oauth2 = OAuth2Settings(
            sign_up=True,
            github_client_id=CLIENT_ID,
            github_client_secret=secret(CLIENT_SECRET),
            github_issuer=GITHUB_ISSUER,
            github_authorize_url=f"http://localhost:{fake.port}/github/authorize",  # to a browser, another site
            github_token_url=f"{fake.url}/github/token",
            github_api_url=f"{fake.url}/github/api",
        )
        api = settings.api.model_copy(update={"public_url": url})
        async with running_api(settings.model_copy(update={"oauth2": oauth2, "api": api}), port=port):
            yield url, fake


async def test_the_button_signs_in_and_the_session_outlives_a_reload(visit, offering):
    url, fake = offering
    one = await visit(url)
    await one.open()
    await expect(one.page.get_by_role("link", name="Sign in with Google")).to_have_count(0)
    await one.page.get_by_role("link", name="Sign in with GitHub").click()
    account = one.page.get_by_role("button", name=f"Account: {fake.person.login}")
    await expect(account).to_be_visible()
    assert "code=" not in one.page.url
    await one.page.reload()
    await expect(account).to_be_visible()


async def test_an_account_is_linked_and_unlinked_on_ones_own_page(visit, offering, admin_client):
    url, fake = offering
    user = await Admin(admin_client).user()
    one = await (await visit(url)).enter("#/profile", PASSWORD, username=user["username"])
    fake.denies = True
    await one.click("Link GitHub")
    await expect(one.page.get_by_role("alert").filter(has_text="You did not allow the sign-in.")).to_be_visible()
    fake.denies = False
    await one.click("Link GitHub")
    await expect(one.page.get_by_text(fake.person.login)).to_be_visible()
    await one.click("Unlink GitHub")
    await one.answer("Unlink")
    await expect(one.page.get_by_role("button", name="Link GitHub", exact=True)).to_be_visible()


async def test_who_declines_is_back_at_the_form_and_told_why(visit, offering):
    url, fake = offering
    fake.denies = True
    one = await visit(url)
    await one.open()
    await one.page.get_by_role("link", name="Sign in with GitHub").click()
    await expect(one.page.get_by_role("alert").filter(has_text="You did not allow the sign-in.")).to_be_visible()
    assert "refused" not in one.page.url
    await one.fill_login()
    await expect(one.page.get_by_role("button", name="Account: admin")).to_be_visible()


async def test_no_button_is_offered_where_no_provider_is_configured(visit):
    one = await visit()
    async with one.page.expect_response("**/oauth2/providers"):
        await one.open()
    await expect(one.page.get_by_label("Password")).to_be_visible()
    await expect(one.page.get_by_role("link", name="Sign in with")).to_have_count(0)
