import asyncio

import httpx
import pytest
from sqlalchemy import text

from agents_backend.services.seeds import seed
from api.app import create_app

LOGIN = "/api/v1/admin/auth/login"
REFRESH = "/api/v1/admin/auth/token/refresh"
ME = "/api/v1/admin/sys/users/me"


@pytest.fixture
async def client(settings, database):
    await seed(database, settings)
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as made:
        await app.state.services.redis.flushdb()
        yield made


def credentials(settings):
    return {"username": settings.admin_username, "password": settings.admin_password.get_secret_value()}


async def sign_in(client, settings):
    answer = await client.post(LOGIN, json=credentials(settings))
    assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return answer.json()


def bearer(tokens):
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_a_session_ends_at_logout(client, settings):
    tokens = await sign_in(client, settings)
    assert (await client.get(ME, headers=bearer(tokens))).json()["username"] == settings.admin_username
    assert (await client.post("/api/v1/admin/auth/logout", headers=bearer(tokens))).status_code == 204
    refused = await client.get(ME, headers=bearer(tokens))
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_twenty_parallel_refreshes_have_one_winner(client, settings):
    body = {"refresh_token": (await sign_in(client, settings))["refresh_token"]}
    answers = await asyncio.gather(*(client.post(REFRESH, json=body) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [200] + [401] * 19


async def test_a_reused_refresh_token_revokes_its_family(client, settings, database):
    old = (await sign_in(client, settings))["refresh_token"]
    new = (await client.post(REFRESH, json={"refresh_token": old})).json()["refresh_token"]
    async with database.transaction() as session:  # as if it had been replaced a minute ago
        await session.execute(text("update auth_sessions set refreshed_at = refreshed_at - interval '1 minute'"))
    assert (await client.post(REFRESH, json={"refresh_token": old})).status_code == 401
    assert (await client.post(REFRESH, json={"refresh_token": new})).status_code == 401


async def test_three_failures_ask_for_a_captcha(client, settings):
    wrong = {**credentials(settings), "password": "wrong"}
    for _ in range(3):
        assert (await client.post(LOGIN, json=wrong)).status_code == 401
    assert (await client.post(LOGIN, json=wrong)).json()["code"] == "CAPTCHA_REQUIRED"
    assert (await client.get("/api/v1/admin/auth/captcha")).json()["image"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_forged_token_is_refused(client, token):
    assert (await client.get(ME, headers={"Authorization": f"Bearer {token}"})).status_code == 401
