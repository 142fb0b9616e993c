"""The logs: what they hold, what they must not hold, and how they get shorter."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from agents_backend.db.tables.logs import OperaLog
from agents_backend.db.tables.users import AuthSession, LoginLog
from agents_backend.domain.errors import Unavailable
from agents_backend.domain.redaction import HIDDEN, redacted
from agents_backend.services.logs import Retention
from agents_backend.services.opera_logs import OperaLogs, Operation
from agents_backend.settings import RetentionSettings
from tests.api.people import LOGIN, PASSWORD, Admin, from_somewhere, unique, until

LOGINS, OPERATIONS, USERS = "/admin/log/login-logs", "/admin/log/opera-logs", "/admin/sys/users"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


@pytest.fixture
def admin(admin_client) -> Admin:
    return Admin(admin_client)


async def operations(admin: Admin, count: int, **params) -> list[dict]:
    async def enough():
        answer = await admin.client.get(OPERATIONS, params={"sort": "id", "size": 200, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"] if answer.json()["total"] >= count else None

    return await until(enough)


async def test_each_sign_in_is_logged_right_or_wrong(admin):
    user, place = await admin.user(), from_somewhere()
    body = {"username": user["username"], "password": "wrong-wrong-1"}
    headers = {**place, "User-Agent": CHROME, "X-Request-Id": unique("request")}
    assert (await admin.client.post(LOGIN, json=body, headers=headers)).status_code == 401
    assert (await admin.client.post(LOGIN, json={**body, "password": PASSWORD}, headers=headers)).status_code == 200
    rows = (await admin.client.get(LOGINS, params={"username": user["username"], "sort": "id"})).json()["items"]
    assert [(row["succeeded"], row["user_id"]) for row in rows] == [(False, user["id"]), (True, user["id"])]
    for row in rows:
        assert (row["browser"], row["os"], row["address"]) == ("Chrome", "Linux", place["X-Forwarded-For"])
        assert row["request_id"] == headers["X-Request-Id"]
    failed = await admin.client.get(LOGINS, params={"username": user["username"], "succeeded": False})
    assert failed.json()["total"] == 1
    assert (await admin.client.get(f"{USERS}/{user['id']}")).json()["last_login_at"] is not None


async def test_a_write_is_told_with_who_what_and_before_and_after(admin, me):
    mark = unique("told")
    made = await admin.post(USERS, username=mark, password=PASSWORD)
    headers = {"User-Agent": CHROME, "X-Request-Id": mark}
    path = f"{USERS}/{made['id']}"
    await admin.client.put(f"{path}/?why=because", json={"nickname": "New"}, headers=headers)
    await admin.client.delete(path)
    added, changed, deleted = await _about(admin, made["id"], 3)
    assert (added["operation"], added["status"], added["user_id"]) == ("create_user", 201, me["id"])
    assert added["changes"][0]["before"] is None
    assert added["changes"][0]["after"]["username"] == mark
    assert added["body"] == {"username": mark, "password": HIDDEN}
    assert (changed["method"], changed["path"], changed["query"]) == ("PUT", f"/api/v1{path}", "why=because")
    assert (changed["browser"], changed["request_id"], changed["username"]) == ("Chrome", mark, "admin")
    assert changed["changes"] == [
        {"thing": "user", "id": str(made["id"]), "before": {"nickname": mark}, "after": {"nickname": "New"}}
    ]
    assert changed["duration_ms"] > 0
    assert (deleted["status"], deleted["changes"][0]["after"]) == (204, None)


async def _about(admin: Admin, user_id: int, count: int) -> list[dict]:
    async def enough():
        rows = (await admin.client.get(OPERATIONS, params={"sort": "-id", "size": 200})).json()["items"]
        told = ("user", str(user_id))
        mine = [row for row in rows if any((change["thing"], change["id"]) == told for change in row["changes"])]
        return mine[::-1] if len(mine) >= count else None

    return await until(enough)


async def test_a_refusal_is_told_and_a_read_is_not(admin):
    async with admin.as_user() as (user, client):
        assert (await client.post(USERS, json={"username": "x"})).status_code == 403
        assert (await client.get(USERS)).status_code == 403
        (row,) = await operations(admin, 1, user_id=user["id"])
    assert (row["method"], row["status"], row["changes"]) == ("POST", 403, [])
    for params in ({"succeeded": True}, {"status": 201}, {"method": "PUT"}, {"until": "2001-01-01T00:00:00Z"}):
        filtered = await admin.client.get(OPERATIONS, params={"user_id": user["id"], **params})
        assert filtered.json()["total"] == 0
    for params in ({"succeeded": False}, {"status": 403}, {"method": "POST"}, {"path": "sys/users"}):
        filtered = await admin.client.get(OPERATIONS, params={"user_id": user["id"], **params})
        assert filtered.json()["total"] == 1


async def test_entries_are_deleted_one_many_or_all_before_a_date(admin, database):
    name = unique("old")
    long_ago = datetime.now(UTC) - timedelta(days=4000)

    async def names() -> list[int]:
        rows = (await admin.client.get(LOGINS, params={"username": name, "sort": "id"})).json()["items"]
        return [row["id"] for row in rows]

    async with database.transaction() as session:
        session.add_all(_login(name, long_ago) for _ in range(5))
    ids = await names()
    assert (await admin.client.delete(f"{LOGINS}/{ids[0]}")).status_code == 204
    assert (await admin.client.delete(f"{LOGINS}/{ids[0]}")).status_code == 404
    assert (await admin.client.delete(LOGINS, params={"ids": ids[1:3]})).status_code == 204
    assert await names() == ids[3:]
    for wrong in ({}, {"ids": ids[3:], "before": "2000-01-01T00:00:00Z"}, {"before": "yesterday"}):
        assert (await admin.client.delete(LOGINS, params=wrong)).status_code == 400
    before = (long_ago + timedelta(days=1)).isoformat()
    assert (await admin.client.delete(LOGINS, params={"before": before})).status_code == 204
    assert await names() == []


def _login(name: str, when: datetime) -> LoginLog:
    return LoginLog(username=name, succeeded=False, message="", created_at=when)


async def test_retention_forgets_what_is_past_its_time_and_nothing_else(admin, database, me):
    name, now = unique("aged"), datetime.now(UTC)
    async with database.transaction() as session:
        session.add_all(_login(name, now - timedelta(days=days)) for days in (1, 9, 11, 500))
        await session.flush()
        session.add_all(operation_of(name, now - timedelta(days=days)) for days in (1, 19, 21))
        session.add(_session(me["id"], now - timedelta(days=40)))
    settings = RetentionSettings(login_log_days=10, opera_log_days=20, ended_session_days=30)
    forgotten = await Retention(database=database, settings=settings).forget()
    assert forgotten.logins >= 2
    assert forgotten.operations >= 1
    assert forgotten.sessions >= 1
    assert (await admin.client.get(LOGINS, params={"username": name})).json()["total"] == 2
    assert (await admin.client.get(OPERATIONS, params={"username": name})).json()["total"] == 2


def operation_of(name: str, when: datetime | None = None) -> OperaLog:
    text_fields = ("method", "path", "operation", "user_agent", "browser", "os", "request_id", "query")
    return OperaLog(
        entry_id=uuid.uuid4(),
        user_id=0,
        username=name,
        status=200,
        duration_ms=1.0,
        body=None,
        changes=[],
        created_at=when or datetime.now(UTC),
        **dict.fromkeys(text_fields, ""),
    )


def _session(user_id: int, ended: datetime) -> AuthSession:
    return AuthSession(id=uuid.uuid4(), user_id=user_id, refresh_hash="x", expires_at=ended)


class Away:
    """PostgreSQL that is away for a number of tries, then the real one."""

    def __init__(self, database, times: int) -> None:
        self._database, self.times = database, times

    def transaction(self):
        if self.times > 0:
            self.times -= 1
            raise Unavailable
        return self._database.transaction()


def _told(name: str, **more) -> Operation:
    fields = {
        "user_id": 0,
        "username": name,
        "method": "POST",
        "path": "/x",
        "operation": "x",
        "status": 200,
        "duration_ms": 1.0,
        "address": "::1",
        "user_agent": "",
        "request_id": "",
        "query": "",
        "body": None,
        "changes": [],
    }
    return Operation(**{**fields, **more})


def _dropped() -> float:
    return REGISTRY.get_sample_value("opera_log_dropped_total") or 0


async def test_the_log_outlives_a_database_that_is_away_and_counts_what_it_cannot_keep(admin, database):
    name, before = unique("away"), _dropped()
    writer = OperaLogs(database=Away(database, times=2), capacity=3)
    await writer.start()
    for _ in range(5):
        writer.add(_told(name))
    assert _dropped() == before + 2
    await operations(admin, 3, username=name)
    writer.add(_told(name))
    await writer.close()  # what is left is written at the end
    assert (await admin.client.get(OPERATIONS, params={"username": name})).json()["total"] == 4


async def test_an_entry_is_written_once_though_its_batch_is_repeated(admin, database):
    name = unique("twice")
    entry = _told(name)
    for _ in range(2):
        writer = OperaLogs(database=database)
        writer.add(entry)
        await writer.close()
    assert (await admin.client.get(OPERATIONS, params={"username": name})).json()["total"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "\\u0000\\ud800"}',
        b'{"a": NaN}',
        b"[" * 5000 + b"]" * 5000,
        b"\xff\xfe",
        b"{",
        b'"' + b"x" * 20_000 + b'"',
    ],
)
async def test_a_body_that_cannot_be_stored_as_it_is_is_told_all_the_same(admin, content):
    mark = unique("odd")
    headers = {"Content-Type": "application/json", "X-Request-Id": mark}
    answer = await admin.client.put(f"{USERS}/1", content=content, headers=headers)
    assert answer.status_code in {400, 413}
    probe = await admin.client.put("/admin/sys/users/me", json={"nickname": "Administrator"})
    assert probe.status_code == 200


SECRETS = {
    "name": {
        "password": "pl4in",
        "api_key": "pl4in",
        "X-Authorization": "pl4in",
        "refresh_token": "pl4in",
        "token": "pl4in",
        "Cookie": "pl4in",
        "client_secret": "pl4in",
        "old_password": "pl4in",
        "apikey": "pl4in",
    },
    "shape": {
        "a": "eyJhbGciOi.eyJzdWIi.pl4in",
        "b": "sk-pl4in-pl4in",
        "c": "call it Bearer pl4in",
        "d": "ghp_pl4inpl4inpl4inpl4in",
        "e": "https://ann:pl4in@example.org",
        "f": "AKIAPL4INPL4INPL4INA",
        "g": ["xoxb-pl4in-pl4in"],
    },
}


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_are_hidden_by_name_and_by_shape_at_any_depth(kind):
    told = json.dumps(redacted({"deep": [{"er": SECRETS[kind]}]}))
    assert "pl4in" not in told.lower()
    assert told.count(HIDDEN) == len(SECRETS[kind])


def test_what_is_no_secret_stays_readable():
    plain = {"nickname": "Ada", "sort": 3, "is_enabled": True, "remark": "the token ring is broken", "ids": [1, None]}
    assert redacted(plain) == plain


async def test_no_secret_is_found_in_any_table_or_redis_key(admin, database, settings, redis):
    canary = unique("canary").replace("-", "") + "Zz9"
    async with admin.as_user() as (user, client):
        path = f"{USERS}/me/password?token={canary}"
        assert (await client.put(path, json={"old_password": PASSWORD, "new_password": canary})).status_code == 200
        await admin.client.put(f"{USERS}/{user['id']}/password?api_key={canary}", json={"password": canary})
        await admin.client.put(f"{USERS}/{user['id']}", json={"password": canary})
        body = {"username": user["username"], "password": canary}
        signed = await client.post(LOGIN, json=body, headers=from_somewhere())
        assert signed.status_code == 200
        seeds = (canary, signed.json()["access_token"], signed.json()["refresh_token"].partition(".")[2])
        await operations(admin, 1, user_id=user["id"])
        await _about(admin, user["id"], 2)
    async with database.transaction() as session:
        tables = (await session.scalars(text("select tablename from pg_tables where schemaname = 'public'"))).all()
        for table in tables:
            for row in await session.execute(text(f'select t::text from "{table}" t')):
                assert not any(seed in row[0] for seed in seeds), table
    for key in await redis.keys("*"):
        kind = await redis.type(key)
        value = await redis.get(key) if kind == "string" else ""
        assert not any(seed in f"{key}{value}" for seed in seeds), key


async def test_requests_do_not_wait_for_the_log(database):
    gate = asyncio.Event()

    class Slow:
        def transaction(self):
            return self

        async def __aenter__(self):
            await gate.wait()
            raise Unavailable

        async def __aexit__(self, *_):
            return None

    writer = OperaLogs(database=Slow(), capacity=1000)
    await writer.start()
    for _ in range(1000):
        writer.add(_told("nobody"))  # never waits: this loop would not end otherwise
    assert REGISTRY.get_sample_value("opera_log_waiting") == 1000
    gate.set()
    writer._database = database
    await writer.close()
