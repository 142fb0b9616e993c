"""Two users and every id: another's sandbox is answered as none is, and nothing happens to it."""

import httpx
import pytest

from agents_backend.integrations.sandboxes import Boxes
from agents_backend.settings import SandboxSettings, Settings
from tests.sandboxes.conftest import serving, signed_in

BASE = "/agent/sandboxes"
NONE = "sbx_00000000000000000000"


def calls(sandbox: str, command: str, slide: str) -> list[tuple[str, str, dict | None]]:
    here = {"sandbox_id": sandbox}
    one = f"{BASE}/{sandbox}"
    return [
        ("POST", f"{BASE}/connect", here),
        ("POST", f"{BASE}/run-command", {**here, "command": "touch /tmp/intruder"}),
        ("GET", one, None),
        ("GET", f"{one}/info", None),
        ("GET", f"{one}/urls", None),
        ("POST", f"{one}/timeout", {"timeout_seconds": 60}),
        ("POST", f"{one}/pause", None),
        ("POST", f"{one}/expose-port", {"port": 80}),
        ("POST", f"{BASE}/write-file", {**here, "path": "/tmp/intruder", "content": "x"}),
        ("POST", f"{BASE}/read-file", {**here, "path": "/etc/hostname"}),
        ("POST", f"{BASE}/upload-from-url", {**here, "url": "https://example.com/", "path": "/tmp/intruder"}),
        ("POST", f"{BASE}/download-to-presigned", {**here, "path": "/etc/hostname", "presigned_url": "https://e.com/"}),
        ("POST", f"{one}/mkdir", {"path": "/tmp/intruder"}),
        ("GET", f"{one}/files?path=/tmp", None),
        ("GET", f"{one}/download?path=/etc/hostname", None),
        ("GET", f"{one}/commands", None),
        ("GET", f"{one}/commands/{command}", None),
        ("POST", f"{one}/commands/{command}/cancel", None),
        ("GET", f"{one}/slides", None),
        ("POST", f"{one}/slides", {"presentation_name": "p", "title": "t", "content": "c"}),
        ("GET", f"{one}/slides/export?format=pptx", None),
        ("GET", f"{one}/slides/{slide}", None),
        ("PUT", f"{one}/slides/{slide}", {"title": "stolen"}),
        ("DELETE", f"{one}/slides/{slide}", None),
        ("DELETE", one, None),
    ]


async def test_anothers_sandbox_is_answered_as_none_is_and_nothing_happens_to_it(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, sandbox: str
):
    begun = await client.post(
        f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": "sleep 600", "background": True}
    )
    slide = await client.post(
        f"{BASE}/{sandbox}/slides", json={"presentation_name": "mine", "title": "mine", "content": "mine"}
    )
    ids = (begun.json()["command_id"], slide.json()["slide_id"])
    for (method, url, body), (_, none_url, none_body) in zip(calls(sandbox, *ids), calls(NONE, *ids), strict=True):
        answer = await stranger.request(method, url, json=body)
        none = await stranger.request(method, none_url, json=none_body)
        assert answer.status_code == none.status_code == 404, (method, url, answer.text)
        assert answer.json()["detail"] == none.json()["detail"], url
        assert answer.json()["code"] == none.json()["code"], url
    files = {"file": ("x", b"1")}
    form = {"sandbox_id": sandbox, "path": "/tmp/intruder"}
    assert (await stranger.post(f"{BASE}/upload-file", files=files, data=form)).status_code == 404
    assert (await stranger.get(BASE)).json()["total"] == 0

    assert (await client.get(f"{BASE}/{sandbox}")).json()["status"] == "running"
    left = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": "ls /tmp/intruder"})
    assert left.json()["exit_code"] != 0
    assert (await client.get(f"{BASE}/{sandbox}/commands/{ids[0]}")).json()["status"] == "running"
    assert (await client.get(f"{BASE}/{sandbox}/slides/{ids[1]}")).json()["title"] == "mine"


async def test_nobody_comes_in_without_signing_in(client: httpx.AsyncClient, sandbox: str):
    async with httpx.AsyncClient(base_url=client.base_url) as nobody:
        for method, url, body in calls(sandbox, "cmd_x", NONE):
            assert (await nobody.request(method, url, json=body)).status_code == 401, (method, url)
        assert (await nobody.post(BASE, json={})).status_code == 401
        refused = await nobody.post(f"{BASE}/upload-file", files={"file": ("x", b"1" * 100_000)})
        assert refused.status_code == 401


@pytest.fixture
def small(sandbox_settings: Settings) -> Settings:
    return sandbox_settings.model_copy(update={"sandboxes": SandboxSettings(per_user=1, commands_per_sandbox=1)})


async def test_a_user_has_so_many_sandboxes_and_a_sandbox_so_many_commands(
    small: Settings, stranger: httpx.AsyncClient, boxes: Boxes
):
    async with serving(small) as url, signed_in(url, "stranger") as client:
        made = await client.post(BASE, json={})
        assert made.status_code == 201, made.text
        more = await client.post(BASE, json={})
        assert (more.status_code, more.json()["code"]) == (429, "TOO_MANY_REQUESTS")
        assert more.headers["Retry-After"]
        sandbox = made.json()["sandbox_id"]
        body = {"sandbox_id": sandbox, "command": "sleep 600", "background": True}
        assert (await client.post(f"{BASE}/run-command", json=body)).status_code == 202
        assert (await client.post(f"{BASE}/run-command", json=body)).status_code == 429
        assert (await client.delete(f"{BASE}/{sandbox}")).status_code == 204
        again = await client.post(BASE, json={})
        assert again.status_code == 201
        await client.delete(f"{BASE}/{again.json()['sandbox_id']}")
