"""Signing in with GitHub and Google, on a fake of both, and linking an account to a user."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import func, select, text, update

from agents_backend.db.base import Base
from agents_backend.db.tables.oauth import OAuthLink
from agents_backend.db.tables.users import AuthSession, LoginLog, User
from agents_backend.settings import OAuth2Settings, Settings
from api.app import create_app
from tests.api.people import PASSWORD, Admin, from_somewhere, unique
from tests.api.test_forged_tokens import _by_hand
from tests.conftest import secret
from tests.fakes.oauth_provider import CLIENT_ID, CLIENT_SECRET, GITHUB_ISSUER, GOOGLE_ISSUER, FakeProviders, Person

SITE = "http://agents.example"
API = "/api/v1/admin/oauth2"
ME = "/api/v1/admin/sys/users/me"
PROVIDERS = ("github", "google")


@pytest.fixture(scope="module")
async def provider():
    async with FakeProviders(SITE) as fake:
        yield fake


def configured(settings: Settings, url: str, **more) -> Settings:
    oauth2 = OAuth2Settings(
        github_client_id=CLIENT_ID,
        github_client_secret=secret(CLIENT_SECRET),
        github_issuer=GITHUB_ISSUER,
        github_authorize_url=f"{url}/github/authorize",
        github_token_url=f"{url}/github/token",
        github_api_url=f"{url}/github/api/",
        google_client_id=CLIENT_ID,
        google_client_secret=secret(CLIENT_SECRET),
        google_issuer=GOOGLE_ISSUER,
        google_authorize_url=f"{url}/google/authorize",
        google_token_url=f"{url}/google/token",
        google_jwks_url=f"{url}/google/certs",
        **{"sign_up": True, "timeout_seconds": 10, **more},
    )
    api = settings.api.model_copy(update={"public_url": f"{SITE}/"})
    return settings.model_copy(update={"oauth2": oauth2, "api": api})


@asynccontextmanager
async def running(settings: Settings):
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def site(settings, database, provider):
    async with running(configured(settings, provider.url)) as app:
        yield app


@pytest.fixture
def fake(provider) -> FakeProviders:
    provider.reset()
    return provider


class Browser(httpx.AsyncClient):
    """Somebody's browser, which can also visit the providers."""

    def __init__(self, app) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url=SITE, timeout=60, headers=from_somewhere())

    async def begin(self, name: str, **query: str) -> str:
        """Where the site sends it."""
        answer = await self.get(f"{API}/{name}/authorize", params=query)
        assert answer.status_code == 307, answer.text
        return answer.headers["Location"]

    async def consent(self, url: str) -> str:
        """Where the provider sends it back."""
        async with httpx.AsyncClient() as outside:
            answer = await outside.get(url)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    async def sign_in(self, name: str, **query: str) -> httpx.Response:
        return await self.get(await self.consent(await self.begin(name, **query)))

    async def link(self, name: str) -> httpx.Response:
        answer = await self.post(f"{API}/{name}/link")
        assert answer.status_code == 200, answer.text
        return await self.get(await self.consent(answer.json()["url"]))

    def as_user(self, tokens: dict) -> "Browser":
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return self


@pytest.fixture
async def browser(site):
    async with Browser(site) as made:
        yield made


@pytest.fixture
async def stranger(site):
    async with Browser(site) as made:
        yield made


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def moved(url: str, **change: str | None) -> str:
    """A callback's address with other parameters."""
    query = {name: value for name, value in {**query_of(url), **change}.items() if value is not None}
    return f"{url.partition('?')[0]}?{urlencode(query)}"


async def count(database, what=AuthSession) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(what))


async def logged(database, username: str) -> list[tuple[bool, str]]:
    query = select(LoginLog.succeeded, LoginLog.message).where(LoginLog.username == username).order_by(LoginLog.id)
    async with database.transaction() as session:
        return [tuple(row) for row in (await session.execute(query)).all()]


async def change_user(database, user_id: int, **values) -> None:
    async with database.transaction() as session:
        await session.execute(update(User).where(User.id == user_id).values(**values))


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert "refresh_token" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_sign_in_begins_with_a_state_pkce_the_exact_address_and_a_cookie(browser, fake, name):
    answer = await browser.get(f"{API}/{name}/authorize?redirect_uri=https://evil.example&next=//evil.example")
    assert answer.status_code == 307
    url = answer.headers["Location"]
    assert url.startswith(f"{fake.url}/{name}/authorize?")
    assert "evil" not in url
    sent = query_of(url)
    assert sent["redirect_uri"] == f"{SITE}{API}/{name}/callback"
    assert (sent["response_type"], sent["client_id"], sent["code_challenge_method"]) == ("code", CLIENT_ID, "S256")
    assert len(sent["state"]) >= 43
    assert len(sent["code_challenge"]) == 43
    assert ("nonce" in sent) == (name == "google")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "max-age=600", f"path={API}"))
    assert query_of(await browser.begin(name))["state"] != sent["state"]


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_sign_in_answers_as_login_does_and_comes_back_to_the_same_user(browser, stranger, fake, database, name):
    answer = await browser.sign_in(name)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "user"}
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert answer.headers["cache-control"] == "no-store"
    assert (await browser.post("/api/v1/admin/auth/token/refresh")).status_code == 200  # by the cookie alone
    me = (await browser.as_user(tokens).get(ME)).json()
    assert me["username"] == fake.person.login
    assert me["nickname"] == "Octo Cat"
    assert me["email"] == fake.person.email
    assert [role["name"] for role in me["roles"]] == ["user"]
    assert me["is_superuser"] is False
    title = {"github": "GitHub", "google": "Google"}[name]
    assert await logged(database, me["username"]) == [(True, f"signed in with {title}")]
    fake.person.login, fake.person.email = unique("renamed"), "another@example.org"
    assert (await stranger.sign_in(name)).json()["user"]["id"] == me["id"]


async def test_a_client_that_asks_for_json_gets_the_address_and_the_cookie(browser, fake):
    answer = await browser.get(f"{API}/github/authorize", params={"mode": "json"})
    assert answer.status_code == 200
    assert answer.json().keys() == {"url"}
    back = await browser.consent(answer.json()["url"])
    assert (await browser.get(back)).status_code == 200


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_state_that_is_not_this_flow_s_opens_nothing(browser, stranger, fake, database, name):
    other = {"github": "google", "google": "github"}[name]
    used = await browser.consent(await browser.begin(name))
    assert (await browser.get(used)).status_code == 200
    foreign = await stranger.consent(await stranger.begin(name))
    mixed_up = await browser.consent(await browser.begin(name))
    named = await browser.consent(await browser.begin(name))
    before, asked = await count(database), fake.tried[f"/{name}/token"]
    for url in (
        used,
        foreign,
        moved(named, state=None),
        moved(named, state=""),
        moved(named, state="x" * 43),
        mixed_up.replace(f"/{name}/", f"/{other}/"),
        mixed_up,  # the wrong door has used it up
        moved(named, iss="https://evil.example"),
    ):
        refused(await browser.get(url), 400, "OAUTH2_STATE_INVALID")
    refused(await browser.get(moved(named, state="x" * 200)), 400, "VALIDATION_ERROR")
    assert (await count(database), fake.tried[f"/{name}/token"]) == (before, asked)


async def test_a_browser_without_the_cookie_cannot_end_what_another_began(browser, stranger, fake, database):
    back = await browser.consent(await browser.begin("github"))
    before = await count(database)
    refused(await stranger.get(back), 400, "OAUTH2_STATE_INVALID")
    assert await count(database) == before


async def test_two_tabs_of_one_browser_can_both_sign_in(browser, fake):
    first, second = [await browser.consent(await browser.begin(name)) for name in PROVIDERS]
    assert (await browser.get(first)).status_code == 200
    assert (await browser.get(second)).status_code == 200


async def test_a_flow_is_kept_for_ten_minutes_and_what_is_kept_opens_nothing(browser, fake, redis):
    await redis.flushdb()
    await browser.begin("google")
    (key,) = [key async for key in redis.scan_iter("oauth2:*")]
    assert 0 < await redis.ttl(key) <= 600
    kept = f"{key} {await redis.get(key)}"
    assert browser.cookies["oauth2_browser"] not in kept
    back = await browser.consent(await browser.begin("google"))
    assert query_of(back)["state"] not in kept
    await redis.flushdb()
    refused(await browser.get(back), 400, "OAUTH2_STATE_INVALID")


async def test_of_twenty_parallel_callbacks_one_signs_in(browser, fake, database):
    back = await browser.consent(await browser.begin("github"))
    before = await count(database)
    statuses = [answer.status_code for answer in await asyncio.gather(*(browser.get(back) for _ in range(20)))]
    assert sorted(statuses) == [200] + [400] * 19
    assert await count(database) == before + 1


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_code_of_another_flow_is_refused_by_pkce(browser, stranger, fake, database, name):
    stolen = query_of(await stranger.consent(await stranger.begin(name)))["code"]
    back = await browser.consent(await browser.begin(name))
    before = await count(database)
    refused(await browser.get(moved(back, code=stolen)), 400, "OAUTH2_CODE_REFUSED")
    assert await count(database) == before


async def test_who_declines_is_told_so_and_not_signed_in(browser, fake):
    fake.denies = True
    refused(await browser.sign_in("github"), 400, "OAUTH2_DENIED")
    back = moved(await browser.consent(await browser.begin("google")), error="<script>", code=None)
    answer = await browser.get(back)
    refused(answer, 400, "OAUTH2_DENIED")
    assert "script" not in answer.text


FORGED = {
    "another issuer": lambda _: {"claims": {"iss": "https://evil.example"}},
    "another audience": lambda _: {"claims": {"aud": "somebody"}},
    "more audiences, made for another": lambda _: {"claims": {"aud": [CLIENT_ID, "x"], "azp": "x"}},
    "another nonce": lambda _: {"claims": {"nonce": "n" * 43}},
    "no nonce": lambda _: {"claims": {"nonce": None}},
    "expired": lambda _: {"claims": {"exp": int(time.time()) - 600}},
    "no expiry": lambda _: {"claims": {"exp": None}},
    "no subject": lambda _: {"claims": {"sub": None}},
    "an empty subject": lambda _: {"claims": {"sub": ""}},
    "a subject that is no text": lambda _: {"claims": {"sub": 1}},
    "of another access token": lambda _: {"claims": {"at_hash": "x" * 22}},
    "unsigned": lambda _: {"forge": lambda claims: _by_hand({"alg": "none"}, claims)},
    "no token": lambda _: {"forge": lambda _claims: "x"},
    "another's key under the right name": lambda fake: {"forge": by(ANOTHER, "RS256", fake.key.kid)},
    "the public key as a secret": lambda fake: {
        "forge": lambda claims: _by_hand(
            {"alg": "HS256", "kid": fake.key.kid}, claims, fake.key.as_pem(private=False).decode()
        )
    },
    "a key of its own in the header": lambda _: {
        "forge": by(ANOTHER, "RS256", "unknown", jwk=ANOTHER.as_dict(private=False))
    },
}
ANOTHER = RSAKey.generate_key(2048)


def by(key, algorithm: str, kid: str, **header):
    return lambda claims: jwt.encode({"alg": algorithm, "kid": kid, **header}, claims, key, algorithms=[algorithm])


@pytest.mark.parametrize("forgery", FORGED)
async def test_an_id_token_that_google_did_not_make_for_this_flow_opens_nothing(browser, fake, database, forgery):
    assert (await browser.sign_in("google")).status_code == 200  # the keys are known by now
    for name, value in FORGED[forgery](fake).items():
        setattr(fake, name, value)
    before = await count(database)
    refused(await browser.sign_in("google"), 400, "OAUTH2_IDENTITY_REFUSED")
    assert await count(database) == before


async def test_google_s_keys_are_kept_and_read_again_when_they_change(browser, fake):
    assert (await browser.sign_in("google")).status_code == 200
    fake.tried.clear()
    assert (await browser.sign_in("google")).status_code == 200
    assert fake.tried["/google/certs"] == 0
    await fake.rotate()
    assert (await browser.sign_in("google")).status_code == 200
    assert fake.tried["/google/certs"] == 1


FAULTS = [
    ("github", "/github/token", "500", 502, "UPSTREAM_FAILED", 1),
    ("github", "/github/token", "malformed", 502, "UPSTREAM_FAILED", 1),
    ("google", "/google/token", "429", 503, "UPSTREAM_OVERLOADED", 1),
    ("google", "/google/token", "403", 502, "UPSTREAM_REJECTED", 1),
    ("github", "/github/api/user", "500", 502, "UPSTREAM_FAILED", 3),
    ("github", "/github/api/user", "malformed", 502, "UPSTREAM_FAILED", 3),
    ("github", "/github/api/user", "401", 502, "UPSTREAM_REJECTED", 1),
]


@pytest.mark.parametrize(("name", "path", "fault", "status", "code", "tries"), FAULTS)
async def test_a_provider_that_fails_is_told_as_such_after_bounded_tries(
    browser, database, fake, name, path, fault, status, code, tries
):
    fake.faults[path] = fault
    before = await count(database)
    answer = await browser.sign_in(name)
    refused(answer, status, code)
    assert "secret-body" not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert fake.tried[path] == tries
    assert await count(database) == before


async def test_a_provider_that_never_answers_is_a_504(settings, database, fake):
    async with running(configured(settings, fake.url, timeout_seconds=0.5)) as app, Browser(app) as browser:
        for path in ("/github/token", "/github/api/user"):
            fake.faults = {path: "hang"}
            refused(await browser.sign_in("github"), 504, "UPSTREAM_TIMEOUT")
            assert fake.tried[path] <= 3


async def test_keys_that_cannot_be_read_are_google_s_failure(browser, database, fake):
    await fake.rotate()
    fake.faults["/google/certs"] = "malformed"
    before = await count(database)
    refused(await browser.sign_in("google"), 502, "UPSTREAM_FAILED")
    assert await count(database) == before


async def test_a_read_that_fails_once_is_tried_again(browser, fake):
    fake.faults["/github/api/user"] = "500 once"
    assert (await browser.sign_in("github")).status_code == 200


async def test_who_hides_their_address_is_let_in_without_it(browser, fake):
    fake.faults["/github/api/user/emails"] = "404"
    tokens = (await browser.sign_in("github")).json()
    assert (await browser.as_user(tokens).get(ME)).json()["email"] is None


async def test_a_provider_that_does_not_know_us_or_is_away_is_a_502(settings, database, fake):
    wrong = {f"{name}_client_secret": secret("not-the-secret") for name in PROVIDERS}
    away = {f"{name}_token_url": "http://127.0.0.1:9/token" for name in PROVIDERS}
    before = await count(database)
    for changed, code in ((wrong, "UPSTREAM_REJECTED"), (away, "UPSTREAM_FAILED")):
        made = configured(settings, fake.url)
        made = made.model_copy(update={"oauth2": made.oauth2.model_copy(update=changed)})
        async with running(made) as app, Browser(app) as browser:
            for name in PROVIDERS:
                refused(await browser.sign_in(name), 502, code)
    assert await count(database) == before


async def test_a_stranger_gets_no_user_where_signing_up_is_closed(settings, database, fake):
    before = await count(database, User)
    async with running(configured(settings, fake.url, sign_up=False)) as app, Browser(app) as browser:
        refused(await browser.sign_in("github"), 403, "OAUTH2_SIGN_UP_CLOSED")
    assert await count(database, User) == before
    assert await logged(database, fake.person.login) == [(False, "GitHub: no user is linked")]


async def test_twenty_parallel_first_sign_ins_of_one_account_make_one_user(site, fake, database):
    before = await count(database, User)

    async def once() -> int:
        async with Browser(site) as browser:
            return (await browser.sign_in("github")).json()["user"]["id"]

    assert len(set(await asyncio.gather(*(once() for _ in range(20))))) == 1
    assert await count(database, User) == before + 1


async def test_the_same_address_at_another_provider_or_here_is_another_person(browser, stranger, fake, admin_client):
    mine = await Admin(admin_client).user(email=f"{unique('same')}@example.org")
    fake.person = Person(login=mine["username"], email=mine["email"])
    at_github = (await browser.sign_in("github")).json()["user"]
    at_google = (await stranger.sign_in("google")).json()["user"]
    assert len({mine["id"], at_github["id"], at_google["id"]}) == 3
    assert at_github["username"].startswith(f"{mine['username']}-")  # the name was taken


async def test_an_unverified_address_is_not_kept(browser, stranger, fake):
    fake.person.verified = False
    for visitor, name in ((browser, "github"), (stranger, "google")):
        tokens = (await visitor.sign_in(name)).json()
        assert (await visitor.as_user(tokens).get(ME)).json()["email"] is None


@pytest.mark.parametrize("login", ["-", "x", "Ünï cödé", "a" * 200, "..", "<b>&amp;"])
async def test_any_name_at_a_provider_becomes_one_that_users_may_have(browser, fake, admin_client, login):
    fake.person = Person(login=login, name="", email=f"{unique('mail')}@example.org")
    user = (await browser.sign_in("github")).json()["user"]
    again = await admin_client.put(f"/admin/sys/users/{user['id']}", json={"username": user["username"]})
    assert again.status_code == 200, again.text


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"deleted_at": func.now(), "is_enabled": False}])
async def test_a_user_who_is_disabled_or_gone_is_not_let_in(browser, stranger, fake, database, change):
    user = (await browser.sign_in("github")).json()["user"]
    await change_user(database, user["id"], **change)
    before = await count(database)
    refused(await stranger.sign_in("github"), 403, "ACCOUNT_DISABLED")
    assert await count(database) == before
    assert (await logged(database, user["username"]))[-1] == (False, "GitHub: the user is disabled")


@asynccontextmanager
async def person(site, admin_client):
    """Somebody with a password, signed in."""
    user = await Admin(admin_client).user()
    async with Browser(site) as browser:
        body = {"username": user["username"], "password": PASSWORD}
        answer = await browser.post("/api/v1/admin/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        yield user, browser.as_user(answer.json())


async def test_an_account_is_linked_opens_its_user_and_is_unlinked(site, stranger, fake, admin_client, database):
    async with person(site, admin_client) as (user, mine):
        assert (await mine.get(f"{API}/links")).json()["items"] == []
        answer = await mine.link("github")
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"provider", "login", "created_at", "last_used_at"}
        assert (answer.json()["provider"], answer.json()["login"]) == ("github", fake.person.login)
        assert "refresh_token" not in answer.headers.get("set-cookie", "")
        assert (await mine.link("github")).status_code == 200  # again is the same
        assert (await stranger.sign_in("github")).json()["user"]["id"] == user["id"]
        listed = (await mine.get(f"{API}/links")).json()
        assert (listed["total"], listed["items"][0]["provider"]) == (1, "github")
        assert listed["items"][0]["last_used_at"] is not None
        assert (await mine.delete(f"{API}/github/link")).status_code == 204
        assert (await mine.delete(f"{API}/github/link")).status_code == 404
        assert (True, "linked GitHub") in await logged(database, user["username"])
        assert (await stranger.sign_in("github")).json()["user"]["id"] != user["id"]


async def test_an_account_of_another_is_not_taken_over_and_one_of_each_provider_is_enough(
    site, browser, fake, admin_client
):
    theirs = (await browser.sign_in("github")).json()["user"]
    async with person(site, admin_client) as (_, mine):
        refused(await mine.link("github"), 409, "OAUTH2_LINK_TAKEN")
        assert (await browser.sign_in("github")).json()["user"]["id"] == theirs["id"]
        fake.person = Person()
        assert (await mine.link("github")).status_code == 200
        fake.person = Person()
        refused(await mine.link("github"), 409, "OAUTH2_ALREADY_LINKED")


async def test_an_account_of_a_deleted_user_can_be_linked_anew(site, browser, stranger, fake, admin_client, database):
    gone = (await browser.sign_in("github")).json()["user"]
    await change_user(database, gone["id"], deleted_at=func.now(), is_enabled=False)
    async with person(site, admin_client) as (user, mine):
        assert (await mine.link("github")).status_code == 200
        assert (await stranger.sign_in("github")).json()["user"]["id"] == user["id"]


async def test_a_link_is_made_for_who_asked_while_they_are_signed_in(site, stranger, fake, admin_client, database):
    async with person(site, admin_client) as (_, mine):
        url = (await mine.post(f"{API}/google/link")).json()["url"]
        back = await mine.consent(url)
        await mine.post("/api/v1/admin/auth/logout")
        refused(await mine.get(back), 401, "UNAUTHORIZED")
    async with person(site, admin_client) as (_, mine):
        back = await mine.consent((await mine.post(f"{API}/google/link")).json()["url"])
        refused(await stranger.get(back), 400, "OAUTH2_STATE_INVALID")  # lured into another's link
    async with database.transaction() as session:
        subject = f"1{fake.person.number:020}"
        assert await session.scalar(select(OAuthLink.id).where(OAuthLink.subject == subject)) is None


async def test_the_last_way_to_sign_in_cannot_be_unlinked(browser, fake):
    browser.as_user((await browser.sign_in("github")).json())
    refused(await browser.delete(f"{API}/github/link"), 409, "LAST_WAY_IN")
    assert (await browser.link("google")).status_code == 200
    answers = await asyncio.gather(*(browser.delete(f"{API}/{name}/link") for name in PROVIDERS))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_nobody_lists_links_or_unlinks_without_signing_in(browser, fake):
    for method, path in (("GET", "links"), ("POST", "github/link"), ("DELETE", "github/link")):
        refused(await browser.request(method, f"{API}/{path}"), 401, "UNAUTHORIZED")
    browser.as_user((await browser.sign_in("github")).json())
    assert (await browser.post(f"{API}/gitlab/link")).status_code == 400


async def test_a_sign_in_of_the_console_ends_on_its_page_and_nowhere_else(browser, stranger, fake):
    answer = await browser.sign_in("github", mode="console", next="//evil.example")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert answer.text == ""
    assert (await browser.post("/api/v1/admin/auth/token/refresh")).status_code == 200
    fake.denies = True
    answer = await stranger.sign_in("github", mode="console")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/#/?refused=OAUTH2_DENIED")
    assert "set-cookie" not in answer.headers
    assert (await browser.get(f"{API}/github/authorize?mode=https://evil.example")).status_code == 400


async def test_a_provider_that_is_not_configured_is_a_404_that_says_what_to_set(settings, database):
    async with running(settings) as app, Browser(app) as browser:
        assert (await browser.get(f"{API}/providers")).json() == {"providers": []}
        for name in PROVIDERS:
            for path in ("authorize", "callback?state=x&code=x"):
                answer = await browser.get(f"{API}/{name}/{path}")
                refused(answer, 404, "OAUTH2_NOT_CONFIGURED")
                assert f"OAUTH2_{name.upper()}_CLIENT_SECRET" in answer.json()["detail"]


async def test_the_providers_that_are_configured_are_told_to_anybody(browser, fake):
    assert (await browser.get(f"{API}/providers")).json()["providers"] == [
        {"name": "github", "title": "GitHub"},
        {"name": "google", "title": "Google"},
    ]


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {record.__dict__}")


async def test_no_code_token_or_secret_reaches_a_log_a_table_or_redis(browser, fake, database, redis):
    heard, root, level = Heard(), logging.getLogger(), logging.getLogger().level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        for name in PROVIDERS:
            assert (await browser.sign_in(name)).status_code == 200
        fake.faults["/google/token"] = "401"
        await browser.sign_in("google")
    finally:
        root.removeHandler(heard)
        root.setLevel(level)
    ours = ("oauth", "authlib", "httpx2", "httpcore2", "structlog", "agents_backend")
    said = "\n".join(line for line in heard.lines if "sqlalchemy" not in line)
    assert any(word in said for word in ours)
    secrets = [*fake.sent, CLIENT_SECRET, browser.cookies["oauth2_browser"]]
    assert [secret for secret in secrets if secret in said] == []
    kept = [str(await redis.get(key)) async for key in redis.scan_iter("*", _type="string")]
    async with database.transaction() as session:
        for table in Base.metadata.tables:
            rows = await session.scalars(text(f'select t::text from "{table}" t'))
            kept += rows.all()
    assert [secret for secret in secrets if any(secret in row for row in kept)] == []


def test_settings_that_do_not_fit_together_are_named():
    with pytest.raises(ValueError, match="OAUTH2_GOOGLE_CLIENT_ID and OAUTH2_GOOGLE_CLIENT_SECRET belong together"):
        OAuth2Settings(google_client_id="x")
    offered = OAuth2Settings(github_client_id="x", github_client_secret=secret("y"))
    problems = Settings(environment="production", oauth2=offered).unfit_for_production()
    assert any(problem.startswith("API_PUBLIC_URL") for problem in problems)
