"""Signing in, staying in, signing out, and what guessing costs."""

import asyncio

import httpx
import pytest
from sqlalchemy import func, select, text

from agents_backend.db.tables.users import LoginLog
from api.app import create_app
from tests.api.people import from_somewhere, unique
from tests.conftest import secret

LOGIN = "/api/v1/admin/auth/login"
REFRESH = "/api/v1/admin/auth/token/refresh"
CAPTCHA = "/api/v1/admin/auth/captcha"
ME = "/api/v1/admin/sys/users/me"
WRONG = "not-the-password"


def app_client(settings):
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return app, httpx.AsyncClient(transport=transport, base_url="http://t", timeout=60)


@pytest.fixture(scope="module")
async def site(settings, database):
    app, made = app_client(settings)
    async with app.router.lifespan_context(app), made:
        yield app, made


@pytest.fixture
async def client(site):
    """A browser that was here never before: nothing is counted against it."""
    app, made = site
    await app.state.services.redis.flushdb()
    made.cookies.clear()
    return made


def credentials(settings):
    return {"username": settings.admin_username, "password": settings.admin_password.get_secret_value()}


async def sign_in(client, settings):
    answer = await client.post(LOGIN, json=credentials(settings), headers=from_somewhere())
    assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return answer.json()


def bearer(tokens):
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def solved(client, redis):
    """A captcha's fields, its code read where only the server and this test can."""
    answer = (await client.get(CAPTCHA)).json()
    return {"captcha_id": answer["captcha_id"], "captcha_code": await redis.get(f"captcha:{answer['captcha_id']}")}


async def fail(client, username, times, place):
    for _ in range(times):
        body = {"username": username, "password": WRONG}
        assert (await client.post(LOGIN, json=body, headers=place)).status_code == 401


async def comparisons(database, username):
    """How many guesses of a name were compared with a password."""
    query = select(func.count()).select_from(LoginLog).where(LoginLog.username == username)
    async with database.transaction() as session:
        return await session.scalar(query.where(LoginLog.message == "wrong username or password"))


async def test_the_answer_is_the_reference_s_and_sets_a_cookie_that_scripts_cannot_read(client, settings):
    answer = await client.post(LOGIN, json=credentials(settings))
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["user"] == {"id": body["user"]["id"], "username": "admin", "nickname": "Administrator"}
    assert body["expires_in"] == settings.auth.access_token_seconds
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer.headers["cache-control"] == "no-store"
    renewed = await client.post(REFRESH)  # by the cookie alone
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"] != body["refresh_token"]


async def test_a_session_ends_at_logout(client, settings):
    tokens = await sign_in(client, settings)
    assert (await client.get(ME, headers=bearer(tokens))).json()["username"] == settings.admin_username
    assert (await client.post("/api/v1/admin/auth/logout", headers=bearer(tokens))).status_code == 204
    refused = await client.get(ME, headers=bearer(tokens))
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    again = await client.post(REFRESH, json={"refresh_token": tokens["refresh_token"]})
    assert again.status_code == 401


async def test_a_flushed_redis_revokes_nothing_less(client, settings, redis):
    kept, ended = await sign_in(client, settings), await sign_in(client, settings)
    await client.post("/api/v1/admin/auth/logout", headers=bearer(ended))
    await redis.flushdb()
    assert (await client.get(ME, headers=bearer(ended))).status_code == 401
    assert (await client.get(ME, headers=bearer(kept))).status_code == 200


async def test_twenty_parallel_refreshes_have_one_winner(client, settings):
    body = {"refresh_token": (await sign_in(client, settings))["refresh_token"]}
    answers = await asyncio.gather(*(client.post(REFRESH, json=body) for _ in range(20)))
    client.cookies.clear()
    assert sorted(a.status_code for a in answers) == [200] + [401] * 19


async def test_the_winner_s_session_goes_on_where_the_others_had_asked_before_it_won(client, settings, database):
    old = (await sign_in(client, settings))["refresh_token"]
    waiting = text(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%auth_sessions%'"
    )
    async with database.transaction() as holder, database.autocommit() as watcher:
        await holder.execute(text("select id from auth_sessions for update"))
        asked = [asyncio.create_task(client.post(REFRESH, json={"refresh_token": old})) for _ in range(4)]
        async with asyncio.timeout(20):
            while await watcher.scalar(waiting) < len(asked):
                await asyncio.sleep(0.02)
    answers = await asyncio.gather(*asked)
    client.cookies.clear()
    assert sorted(a.status_code for a in answers) == [200, 401, 401, 401]
    won = next(a.json() for a in answers if a.status_code == 200)
    assert (await client.get(ME, headers=bearer(won))).status_code == 200
    assert (await client.post(REFRESH, json={"refresh_token": won["refresh_token"]})).status_code == 200


async def test_a_refresh_token_used_again_revokes_its_family_at_once(client, settings):
    old = (await sign_in(client, settings))["refresh_token"]
    new = (await client.post(REFRESH, json={"refresh_token": old})).json()
    client.cookies.clear()
    assert (await client.post(REFRESH, json={"refresh_token": old})).status_code == 401
    assert (await client.post(REFRESH, json={"refresh_token": new["refresh_token"]})).status_code == 401
    assert (await client.get(ME, headers=bearer(new))).status_code == 401


async def test_a_token_of_two_rotations_ago_revokes_its_family_at_once(client, settings):
    first = (await sign_in(client, settings))["refresh_token"]
    second = (await client.post(REFRESH, json={"refresh_token": first})).json()["refresh_token"]
    third = (await client.post(REFRESH, json={"refresh_token": second})).json()["refresh_token"]
    client.cookies.clear()
    assert (await client.post(REFRESH, json={"refresh_token": first})).status_code == 401
    assert (await client.post(REFRESH, json={"refresh_token": third})).status_code == 401


async def test_a_token_of_the_previous_secret_is_still_accepted(client, settings, database):
    tokens = await sign_in(client, settings)
    auth = settings.auth.model_copy(update={"secret": secret("n" * 40), "previous_secret": settings.auth.secret})
    for changed, expected in ((auth, 200), (auth.model_copy(update={"previous_secret": None}), 401)):
        app, other = app_client(settings.model_copy(update={"auth": changed}))
        async with app.router.lifespan_context(app), other:
            assert (await other.get(ME, headers=bearer(tokens))).status_code == expected


async def test_three_failures_ask_for_a_captcha_that_lets_in(client, settings, redis):
    place = from_somewhere()
    await fail(client, "admin", 3, place)
    asked = await client.post(LOGIN, json=credentials(settings), headers=place)
    assert (asked.status_code, asked.json()["code"]) == (400, "CAPTCHA_REQUIRED")
    assert (await client.get(CAPTCHA)).json()["image"].startswith("data:image/png;base64,")
    body = {**credentials(settings), **await solved(client, redis)}
    body["captcha_code"] = f" {body['captcha_code'].lower()} "
    assert (await client.post(LOGIN, json=body, headers=place)).status_code == 200


async def test_a_captcha_is_asked_of_everybody_where_the_setting_says_so(settings, database, redis):
    app, client = app_client(settings.model_copy(update={"captcha_required": True}))
    async with app.router.lifespan_context(app), client:
        asked = await client.post(LOGIN, json=credentials(settings), headers=from_somewhere())
        assert asked.json()["code"] == "CAPTCHA_REQUIRED"
        body = {**credentials(settings), **await solved(client, redis)}
        assert (await client.post(LOGIN, json=body, headers=from_somewhere())).status_code == 200


async def test_a_captcha_can_be_tried_once_even_when_wrong(client, settings, redis):
    place = from_somewhere()
    await fail(client, "admin", 3, place)
    right = {**credentials(settings), **await solved(client, redis)}
    wrong = await client.post(LOGIN, json={**right, "captcha_code": "????"}, headers=place)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "CAPTCHA_INVALID")
    late = await client.post(LOGIN, json=right, headers=place)
    assert late.json()["code"] == "CAPTCHA_INVALID"


async def test_of_parallel_uses_of_a_captcha_one_counts(client, redis):
    name, place = unique("nobody"), from_somewhere()
    await fail(client, name, 3, place)
    body = {"username": name, "password": WRONG, **await solved(client, redis)}
    answers = await asyncio.gather(*(client.post(LOGIN, json=body, headers=from_somewhere()) for _ in range(8)))
    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes == ["CAPTCHA_INVALID"] * 7 + ["UNAUTHORIZED"]


async def test_an_account_locks_for_the_address_that_guesses_and_not_for_its_owner(client, settings, redis):
    place = from_somewhere()
    await fail(client, "admin", 3, place)
    for _ in range(settings.auth.login_attempts - 3):
        body = {"username": "admin", "password": WRONG, **await solved(client, redis)}
        assert (await client.post(LOGIN, json=body, headers=place)).status_code == 401
    locked = await client.post(LOGIN, json={**credentials(settings), **await solved(client, redis)}, headers=place)
    assert (locked.status_code, locked.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert 0 < int(locked.headers["Retry-After"]) <= settings.auth.login_window_seconds
    body = {**credentials(settings), **await solved(client, redis)}
    assert (await client.post(LOGIN, json=body, headers=from_somewhere())).status_code == 200


async def test_an_address_locks_whatever_accounts_it_tries(settings, database, redis):
    auth = settings.auth.model_copy(update={"login_attempts_per_address": 5})
    app, client = app_client(settings.model_copy(update={"auth": auth}))
    place = from_somewhere()
    async with app.router.lifespan_context(app), client:
        for _ in range(5):
            body = {"username": unique("name"), "password": WRONG, **await solved(client, redis)}
            assert (await client.post(LOGIN, json=body, headers=place)).status_code == 401
        locked = await client.post(LOGIN, json={**credentials(settings), **await solved(client, redis)}, headers=place)
        assert locked.status_code == 429
        assert int(locked.headers["Retry-After"]) > 0


async def test_the_addresses_of_one_ipv6_network_count_as_one(client):
    for host in range(3):
        await fail(client, unique("name"), 1, {"X-Forwarded-For": f"2001:db8:1:2::{host}"})
    body = {"username": unique("name"), "password": WRONG}
    same = await client.post(LOGIN, json=body, headers={"X-Forwarded-For": "2001:db8:1:2:ffff::1"})
    assert same.json()["code"] == "CAPTCHA_REQUIRED"
    other = await client.post(LOGIN, json=body, headers={"X-Forwarded-For": "2001:db8:1:3::1"})
    assert other.status_code == 401


async def test_a_parallel_burst_gets_no_more_guesses_than_a_sequence(client, database):
    name, place = unique("burst"), from_somewhere()
    body = {"username": name, "password": WRONG}
    answers = await asyncio.gather(*(client.post(LOGIN, json=body, headers=place) for _ in range(40)))
    assert sorted(answer.status_code for answer in answers) == [400] * 37 + [401] * 3
    assert await comparisons(database, name) == 3


async def test_a_burst_across_processes_gets_no_more_guesses_either(client, settings, database):
    app, second = app_client(settings)
    body = {"username": unique("burst"), "password": WRONG}
    async with app.router.lifespan_context(app), second:
        posts = (which.post(LOGIN, json=body, headers=from_somewhere()) for which in (client, second) * 15)
        await asyncio.gather(*posts)
    assert await comparisons(database, body["username"]) == 3


async def test_a_burst_of_right_passwords_is_let_in_and_makes_no_lock(client, settings):
    place = from_somewhere()
    answers = await asyncio.gather(*(client.post(LOGIN, json=credentials(settings), headers=place) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_queue_of_sign_ins_is_bounded(settings, database):
    auth = settings.auth.model_copy(update={"logins_waiting": 2, "hash_concurrency": 1})
    app, client = app_client(settings.model_copy(update={"auth": auth}))
    async with app.router.lifespan_context(app), client:
        answers = await asyncio.gather(
            *(client.post(LOGIN, json=credentials(settings), headers=from_somewhere()) for _ in range(30))
        )
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 503}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)


async def test_an_unknown_user_and_a_wrong_password_are_answered_alike(client):
    answers = []
    for name in ("admin", unique("nobody")):
        answer = await client.post(LOGIN, json={"username": name, "password": WRONG}, headers=from_somewhere())
        answers.append((answer.status_code, {**answer.json(), "request_id": ""}))
    assert answers[0] == answers[1]


async def test_forwarded_addresses_are_believed_of_trusted_proxies_alone(settings, database):
    for trusted, header, expected in (
        ((), "9.9.9.9", "127.0.0.1"),
        (("127.0.0.1",), "9.9.9.9", "9.9.9.9"),
        (("127.0.0.1",), "1.1.1.1, 9.9.9.9", "9.9.9.9"),  # what a client wrote stands further left
        (("127.0.0.1", "10.0.0.1"), "1.1.1.1, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
        (("127.0.0.1",), "<script>", None),
    ):
        api = settings.api.model_copy(update={"trusted_proxies": trusted})
        app, client = app_client(settings.model_copy(update={"api": api}))
        name = unique("proxied")
        async with app.router.lifespan_context(app), client:
            await app.state.services.redis.flushdb()
            await fail(client, name, 1, {"X-Forwarded-For": header})
        async with database.transaction() as session:
            found = await session.scalar(select(func.host(LoginLog.address)).where(LoginLog.username == name))
        assert found == expected, (trusted, header)


@pytest.mark.parametrize("field", ["is_superuser", "user_id", "id"])
async def test_an_unknown_field_at_the_door_is_a_400(client, settings, field):
    assert (await client.post(LOGIN, json={**credentials(settings), field: 1})).status_code == 400
    assert (await client.post(REFRESH, json={field: 1})).status_code == 400
