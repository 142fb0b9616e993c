"""A table of forged access tokens against every route that needs one. Generated from OpenAPI."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid

import httpx
import jwt
import pytest

from api.app import create_app
from tests.api.test_auth import LOGIN, credentials
from tests.api.test_permissions import _concrete

# Signing in, by a provider too, health, and a link that carries its own signature.
UNPROTECTED = {
    "login",
    "refresh_token",
    "captcha",
    "health",
    "health_ready",
    "health_live",
    "open_link",
    "mcp_oauth_callback",
} | {*("github_authorize", "github_callback", "google_authorize", "google_callback", "list_oauth2_providers")}
OTHER = "another secret, as long as ours is, or longer"


def _part(value) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _by_hand(header: dict, claims: dict, key: str = "", digest=hashlib.sha256) -> str:
    """A token whose header says what we like."""
    body = f"{_part(header)}.{_part(claims)}"
    return f"{body}.{_part(hmac.new(key.encode(), body.encode(), digest).digest()) if key else ''}"


def forge(good: str, refresh: str, key: str) -> dict[str, str]:
    claims = jwt.decode(good, options={"verify_signature": False})
    now, head = int(time.time()), {"alg": "HS256", "typ": "JWT"}
    without = lambda name: {k: v for k, v in claims.items() if k != name}  # noqa: E731
    signed = lambda **more: _by_hand(head, {**claims, **more}, key)  # noqa: E731
    body, _, signature = good.rpartition(".")
    octets = {"kty": "oct", "k": _part(OTHER.encode())}
    return {
        "nothing": "",
        "no token": "x",
        "alg none": _by_hand({"alg": "none"}, claims),
        "alg None": _by_hand({"alg": "None"}, claims),
        "alg none, signed": _by_hand({"alg": "none"}, claims, key),
        "no alg": _by_hand({"typ": "JWT"}, claims, key),
        "alg HS512": _by_hand({"alg": "HS512"}, claims, key, hashlib.sha512),
        "alg HS384": _by_hand({"alg": "HS384"}, claims, key, hashlib.sha384),
        "alg RS256, signed as HS256": _by_hand({"alg": "RS256"}, claims, key),
        "signature cut off": f"{body}.",
        "signature changed": f"{body}.{signature[::-1]}",
        "payload changed": f"{_part(head)}.{_part({**claims, 'sub': '1', 'x': 1})}.{signature}",
        "another secret": _by_hand(head, claims, OTHER),
        "its own jwk": _by_hand({**head, "jwk": octets}, claims, OTHER),
        "its own jku": _by_hand({**head, "jku": "http://127.0.0.1:9/keys"}, claims, OTHER),
        "kid of a file": _by_hand({**head, "kid": "../../../dev/null"}, claims, OTHER),
        "kid of a query": _by_hand({**head, "kid": "x' union select 'k"}, claims, OTHER),
        "an extension it must know": _by_hand({**head, "crit": ["exp2"], "exp2": 1}, claims, key),
        "expired": signed(exp=now - 60),
        "not yet valid": signed(nbf=now + 600),
        "issued in the future": signed(iat=now + 600),
        "another issuer": signed(iss="somebody"),
        "another audience": signed(aud="somebody"),
        "a refresh token's type": signed(typ="refresh"),
        "no expiry": _by_hand(head, without("exp"), key),
        "no session": _by_hand(head, without("sid"), key),
        "no type": _by_hand(head, without("typ"), key),
        "another's session": signed(sid=str(uuid.uuid4())),
        "another's name": signed(sub="2147483646"),
        "a name that is no number": signed(sub="admin"),
        "a session that is no id": signed(sid="x"),
        "claims that are a list": f"{_part(head)}.{_part([])}.{signature}",
        "a refresh token": refresh,
    }


@pytest.fixture
async def attack(settings, database):
    """A client of an app of its own, a good pair of tokens, and the routes that need one."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        tokens = (await client.post(LOGIN, json=credentials(settings))).json()
        client.cookies.clear()
        operations = [
            (method, f"/api/v1{_concrete(path)}" if path.startswith("/api/v1") else path, operation)
            for path, methods in app.openapi()["paths"].items()
            for method, operation in methods.items()
        ]
        yield client, tokens, operations


async def test_only_the_doors_are_open_without_a_token(attack):
    _, _, operations = attack
    assert {operation["operationId"] for *_, operation in operations if "security" not in operation} == UNPROTECTED


async def test_no_forged_token_opens_any_route(attack, settings):
    client, tokens, operations = attack
    forged = forge(tokens["access_token"], tokens["refresh_token"], settings.auth.secret.get_secret_value())
    assert len(forged) > 20
    bodies = set()

    async def strike(method: str, url: str, name: str, token: str) -> None:
        answer = await client.request(method, url, json={}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, (name, method, url, answer.text)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(json.dumps({**answer.json(), "request_id": ""}))

    guarded = [(method, url) for method, url, operation in operations if "security" in operation]
    for method, url in guarded:
        await asyncio.gather(*(strike(method, url, name, token) for name, token in forged.items()))
    assert len(bodies) == 1
    mine = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.get("/api/v1/admin/sys/users/me", headers=mine)).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer bearer", ""])
async def test_another_scheme_is_no_sign_in(attack, scheme):
    client, tokens, _ = attack
    headers = {"Authorization": f"{scheme} {tokens['access_token']}".strip()}
    assert (await client.get("/api/v1/admin/sys/users/me", headers=headers)).status_code == 401
