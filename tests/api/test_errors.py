import pytest
from starlette.testclient import TestClient

from agents_backend.settings import (
    AuthSettings,
    DatabaseSettings,
    RedisSettings,
    Settings,
    TemporalSettings,
    VaultSettings,
)
from api.app import create_app

LOGIN = "/api/v1/admin/auth/login"


@pytest.fixture(scope="module")
def client():
    made = Settings(
        database=DatabaseSettings(url="postgresql://u:p@127.0.0.1:1/x"),
        redis=RedisSettings(url="redis://127.0.0.1:1/0"),
        temporal=TemporalSettings(address="127.0.0.1:1"),
        auth=AuthSettings(secret="x" * 40),
        vault=VaultSettings(keys="0123456789abcdef" * 4),
    )
    with TestClient(create_app(made), raise_server_exceptions=False) as found:
        yield found


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_400(client, content):
    answer = client.post(LOGIN, content=content)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_an_oversized_chunked_body_is_a_413(client):
    answer = client.post(LOGIN, content=iter([b"x" * 600_000] * 2))
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_an_oversized_body_is_a_413(client):
    assert client.post(LOGIN, content=b"x" * 1_000_001).status_code == 413


def test_an_unknown_route_is_a_404_that_echoes_the_request_id(client):
    answer = client.get("/nope", headers={"X-Request-Id": "abc"})
    assert (answer.status_code, answer.json()["request_id"], answer.headers["X-Request-Id"]) == (404, "abc", "abc")


def test_health_names_what_fails(client):
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["database", "redis", "temporal"])
