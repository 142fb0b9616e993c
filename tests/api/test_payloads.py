"""The codec server as the Temporal UI and CLI use it, and as nobody else may."""

import base64
import contextlib

import httpx
import pytest
from temporalio.api.common.v1 import Payload

from agents_backend.integrations.payloads import payload_codec
from tests.api.people import Admin, signed_in

CODEC = "/admin/auth/payloads"
MAY = "monitor:server:payloads"
PLAIN = {"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": base64.b64encode(b'"hi"').decode()}


@pytest.fixture
async def sealed(settings) -> dict:
    """A payload as the UI finds it in a history."""
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"hi"')
    (found,) = await payload_codec(settings).encode([payload])
    metadata = {name: base64.b64encode(value).decode() for name, value in found.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(found.data).decode()}


@pytest.fixture
def ui(settings) -> dict[str, str]:
    """What the UI's page sends."""
    return {"Origin": settings.temporal.ui_url, "X-Namespace": settings.temporal.namespace}


@contextlib.asynccontextmanager
async def in_browser(client: httpx.AsyncClient, refresh_token: str):
    """The Temporal UI's page in the browser of somebody who is signed in to the console: a cookie and no token."""
    async with httpx.AsyncClient(base_url=client.base_url, timeout=30) as page:
        page.cookies.set("refresh_token", refresh_token)
        yield page


async def test_what_an_administrator_s_browser_asks_for_is_decrypted_in_order_and_the_rest_left(
    admin_client, sealed, ui
):
    async with Admin(admin_client).as_user(MAY) as (_, person), in_browser(admin_client, person.refresh_token) as page:
        answer = await page.post(f"{CODEC}/decode", json={"payloads": [sealed, PLAIN, sealed]}, headers=ui)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"payloads": [PLAIN] * 3}
        assert answer.headers["Access-Control-Allow-Origin"] == ui["Origin"]
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Cache-Control"] == "no-store"
        again = await page.post(f"{CODEC}/decode", json={"payloads": [sealed]}, headers=ui)
        assert again.json() == {"payloads": [PLAIN]}, "the refresh token is not used up"


async def test_what_the_ui_sends_is_encrypted_and_the_command_line_asks_with_a_token(admin_client, settings):
    encoded = (await admin_client.post(f"{CODEC}/encode", json={"payloads": [PLAIN]})).json()
    assert encoded["payloads"][0]["metadata"]["encoding"] == base64.b64encode(b"binary/encrypted").decode()
    decoded = await admin_client.post(
        f"{CODEC}/decode", json=encoded, headers={"X-Namespace": settings.temporal.namespace}
    )
    assert decoded.json() == {"payloads": [PLAIN]}


async def test_it_is_for_those_alone_who_hold_the_right(admin_client, base_url, sealed, ui):
    body = {"payloads": [sealed]}
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        for headers in ({}, ui, {**ui, "Cookie": "refresh_token=x"}, {"Authorization": "Bearer x"}):
            assert (await anonymous.post(f"{CODEC}/decode", json=body, headers=headers)).status_code == 401
    async with Admin(admin_client).as_user() as (_, plain), in_browser(admin_client, plain.refresh_token) as page:
        for answer in (
            await plain.post(f"{CODEC}/decode", json=body),
            await plain.post(f"{CODEC}/encode", json=body),
            await page.post(f"{CODEC}/decode", json=body, headers=ui),
        ):
            assert answer.status_code == 403
            assert "payloads" not in answer.json()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:82333", "http://localhost"])
async def test_another_page_is_refused_even_with_an_administrator_s_cookie_or_token(admin_client, sealed, ui, origin):
    body = {"payloads": [sealed]}
    async with Admin(admin_client).as_user(MAY) as (_, person), in_browser(admin_client, person.refresh_token) as page:
        for client in (page, person):
            answer = await client.post(f"{CODEC}/decode", json=body, headers={**ui, "Origin": origin})
            assert answer.status_code == 403
            assert "Access-Control-Allow-Origin" not in answer.headers
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-namespace"}
        refused = await page.options(f"{CODEC}/decode", headers={**asked, "Origin": origin})
        assert "Access-Control-Allow-Origin" not in refused.headers
        allowed = await page.options(f"{CODEC}/decode", headers={**asked, **ui})
        assert allowed.status_code == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == ui["Origin"]
        elsewhere = await page.options("/admin/sys/users", headers={**asked, **ui})
        assert "Access-Control-Allow-Origin" not in elsewhere.headers


async def test_a_cookie_without_a_page_and_one_whose_session_has_ended_open_nothing(admin_client, sealed, ui):
    body = {"payloads": [sealed]}
    async with Admin(admin_client).as_user(MAY) as (_, person), in_browser(admin_client, person.refresh_token) as page:
        assert (await page.post(f"{CODEC}/decode", json=body)).status_code == 401
        assert (await page.post(f"{CODEC}/decode", json=body, headers=ui)).status_code == 200
        await person.post("/admin/auth/logout")
        assert (await page.post(f"{CODEC}/decode", json=body, headers=ui)).status_code == 401


@pytest.mark.parametrize(
    "payload",
    [
        {"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "AAAA"},
        {"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "AQECAwQ" + "A" * 80},
        {"metadata": {"encoding": "not base64!"}},
        {"metadata": {"encoding": 1}},
        {"data": "Zg=x"},
        "text",
    ],
)
async def test_a_payload_that_cannot_be_read_is_a_400_that_says_why(admin_client, payload):
    answer = await admin_client.post(f"{CODEC}/decode", json={"payloads": [payload]})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), answer.text


async def test_another_namespace_is_a_400_and_what_is_asked_for_stays_out_of_the_operation_log(admin_client, sealed):
    answer = await admin_client.post(f"{CODEC}/decode", json={"payloads": []}, headers={"X-Namespace": "theirs"})
    assert answer.status_code == 400
    canary = {**PLAIN, "data": base64.b64encode(b'"canary-of-encode"').decode()}
    assert (await admin_client.post(f"{CODEC}/encode", json={"payloads": [canary]})).status_code == 200
    logs = await admin_client.get("/admin/log/opera", params={"size": 200})
    assert canary["data"] not in logs.text
    assert CODEC not in logs.text


async def test_a_signed_in_person_s_other_spellings_of_base64_are_read_too(admin_client):
    spelled = {"metadata": {"encoding": "anNvbi9wbGFpbg"}, "data": "_-_-", "externalPayloads": []}
    answer = await admin_client.post(f"{CODEC}/decode", json={"payloads": [spelled]})
    assert answer.json()["payloads"][0]["data"] == "/+/+"


async def test_somebody_else_who_signs_in_afterwards_is_asked_by_their_own_rights(admin_client, sealed, ui):
    async with Admin(admin_client).as_user(MAY) as (user, _), signed_in(admin_client, user["username"]) as again:
        assert (await again.post(f"{CODEC}/decode", json={"payloads": [sealed]})).status_code == 200
        await admin_client.put(f"/admin/sys/users/{user['id']}", json={"role_ids": []})
        async with in_browser(admin_client, again.refresh_token) as page:
            assert (await page.post(f"{CODEC}/decode", json={"payloads": [sealed]}, headers=ui)).status_code == 403
