"""A sandbox's life, through HTTP, against the embedded host."""

import asyncio
import time

import httpx
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from agents_backend.integrations.sandboxes import Boxes
from agents_backend.settings import E2BSettings, SandboxSettings
from tests.sandbox_host.running_host import RunningHost

BASE = "/agent/sandboxes"


async def test_a_sandbox_is_made_used_paused_resumed_and_deleted(client: httpx.AsyncClient, boxes: Boxes):
    made = await client.post(BASE, json={"template_id": "agents-backend-sandbox", "timeout_seconds": 120})
    assert made.status_code == 201, made.text
    body = made.json()
    sandbox_id = body["sandbox_id"]
    assert made.headers["Location"] == f"/api/v1{BASE}/{sandbox_id}"
    assert body["status"] == "running"
    assert body["mcp_url"].startswith("http://6060-")
    assert body["vscode_url"].startswith("http://9000-")
    assert body["vscode_reason"] is None

    ran = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox_id, "command": "echo hi > f; echo $0"})
    assert ran.status_code == 200, ran.text
    assert (ran.json()["exit_code"], ran.json()["stdout"]) == (0, "bash\n")

    paused = await client.post(f"{BASE}/{sandbox_id}/pause")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert (await client.post(f"{BASE}/{sandbox_id}/pause")).json()["status"] == "paused"
    (box,) = [box for box in await boxes.all() if box.owner == sandbox_id]
    assert box.state == "paused"

    connected = await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox_id, "timeout_seconds": 300})
    assert (connected.status_code, connected.json()["status"]) == (200, "running")
    read = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox_id, "path": "/home/user/f"})
    assert read.json()["content"] == "hi\n"

    assert (await client.delete(f"{BASE}/{sandbox_id}")).status_code == 204
    assert (await client.get(f"{BASE}/{sandbox_id}")).status_code == 404
    assert (await client.delete(f"{BASE}/{sandbox_id}")).status_code == 404
    assert not [box for box in await boxes.all() if box.owner == sandbox_id]


async def test_a_paused_sandbox_is_resumed_by_whatever_needs_it(client: httpx.AsyncClient, sandbox: str):
    await client.post(f"{BASE}/{sandbox}/pause")
    ran = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": "true"})
    assert ran.json()["exit_code"] == 0
    assert (await client.get(f"{BASE}/{sandbox}")).json()["status"] == "running"


async def test_info_and_urls_tell_what_the_host_has(client: httpx.AsyncClient, sandbox: str):
    info = (await client.get(f"{BASE}/{sandbox}/info")).json()
    assert info["status"] == "running"
    assert info["cpu_count"] >= 1
    assert info["memory_mb"] >= 128
    urls = (await client.get(f"{BASE}/{sandbox}/urls")).json()
    assert urls["access_token"]
    assert urls["access_token_header"] == "e2b-traffic-access-token"


async def test_the_mcp_server_opens_with_the_token_and_not_without(
    client: httpx.AsyncClient, sandbox: str, host: RunningHost
):
    import httpx2  # noqa: PLC0415

    urls = (await client.get(f"{BASE}/{sandbox}/urls")).json()
    name = urls["mcp_url"].removeprefix("http://").partition(":")[0]
    address = f"http://127.0.0.1:{host.port}"  # a name below localhost does not resolve everywhere
    async with httpx.AsyncClient(headers={"Host": name}) as bare:
        assert (await bare.get(f"{address}/health")).status_code in {401, 403}
    headers = {"Host": name, urls["access_token_header"]: urls["access_token"]}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as mcp,
    ):
        done = await mcp.call_tool("shell_start", {"command": "echo in the box", "pty": False, "wait_seconds": 30})
        assert done.structured_content["output"] == "in the box\n"
        tools = {tool.name for tool in (await mcp.list_tools()).tools}
        assert {"file_read", "slide_write", "todo_read", "port_register"} <= tools


async def test_vscode_opens_at_its_address_with_the_sandbox_s_files(
    client: httpx.AsyncClient, sandbox: str, host: RunningHost
):
    await client.post(f"{BASE}/write-file", json={"sandbox_id": sandbox, "path": "/home/user/mine.py", "content": ""})
    urls = (await client.get(f"{BASE}/{sandbox}/urls")).json()
    assert urls["vscode_reason"] is None
    name = urls["vscode_url"].removeprefix("http://")
    address = f"http://127.0.0.1:{host.port}"
    async with httpx.AsyncClient(headers={"Host": name}, timeout=60, follow_redirects=True) as browser:
        assert (await browser.get(address)).status_code == 403
        opened = await browser.get(address, params={urls["access_token_parameter"]: urls["access_token"]})
        assert opened.status_code == 200, opened.text
        assert "mine.py" in opened.json()["files"]
        assert urls["access_token"] not in str(opened.url)


def test_where_there_is_no_vscode_it_is_said_how_to_get_it(boxes: Boxes):
    assert "make vscode" in boxes.no_vscode
    assert Boxes(E2BSettings(), SandboxSettings()).no_vscode is None  # E2B's template has it
    assert "SANDBOX_VSCODE" in Boxes(E2BSettings(), SandboxSettings(vscode=False)).no_vscode


async def test_a_session_finds_its_sandbox_again(client: httpx.AsyncClient):
    first = await client.post(BASE, json={"session_id": "my work"})
    again = await client.post(BASE, json={"session_id": "my work"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["sandbox_id"] == again.json()["sandbox_id"]
    await client.delete(f"{BASE}/{first.json()['sandbox_id']}")
    fresh = await client.post(BASE, json={"session_id": "my work"})
    assert fresh.json()["sandbox_id"] != first.json()["sandbox_id"]
    await client.delete(f"{BASE}/{fresh.json()['sandbox_id']}")


async def test_the_same_key_makes_one_sandbox_however_often_it_is_sent(client: httpx.AsyncClient, boxes: Boxes):
    headers = {"Idempotency-Key": f"one-{time.time_ns()}"}
    answers = await asyncio.gather(*(client.post(BASE, json={}, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    (sandbox_id,) = {answer.json()["sandbox_id"] for answer in answers}
    assert len([box for box in await boxes.all() if box.owner == sandbox_id]) == 1
    other = await client.post(BASE, json={"timeout_seconds": 77}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    await client.delete(f"{BASE}/{sandbox_id}")


async def test_one_who_will_not_wait_is_answered_at_once(client: httpx.AsyncClient):
    made = await client.post(BASE, json={}, headers={"Prefer": "respond-async"})
    assert made.status_code == 202
    sandbox_id = made.json()["sandbox_id"]
    ran = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox_id, "command": "echo made"})
    assert ran.json()["stdout"] == "made\n"
    await client.delete(f"{BASE}/{sandbox_id}")


async def test_a_timeout_is_extended_and_survives_a_pause(client: httpx.AsyncClient, sandbox: str, boxes: Boxes):
    before = (await client.get(f"{BASE}/{sandbox}")).json()["expires_at"]
    after = (await client.post(f"{BASE}/{sandbox}/timeout", json={"timeout_seconds": 7200})).json()
    assert after["expires_at"] > before
    assert after["timeout_seconds"] == 7200
    (box,) = [box for box in await boxes.all() if box.owner == sandbox]
    assert box.ends_at.isoformat() > after["expires_at"].replace("Z", "+00:00")
    await client.post(f"{BASE}/{sandbox}/pause")
    assert (await client.post(f"{BASE}/{sandbox}/timeout", json={"timeout_seconds": 60})).json()["status"] == "paused"


async def test_what_died_underneath_is_told_and_no_second_one_is_made(
    client: httpx.AsyncClient, sandbox: str, boxes: Boxes
):
    (box,) = [box for box in await boxes.all() if box.owner == sandbox]
    await boxes.kill(box.id)
    ran = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": "true"})
    assert (ran.status_code, ran.json()["code"]) == (409, "SANDBOX_GONE")
    assert "files are gone" in ran.json()["detail"]
    told = (await client.get(f"{BASE}/{sandbox}")).json()
    assert told["status"] == "lost"
    assert "files are gone" in told["reason"]
    assert (await client.post(f"{BASE}/{sandbox}/pause")).status_code == 409
    assert not [box for box in await boxes.all() if box.owner == sandbox]


async def test_what_was_paused_underneath_is_resumed_when_it_is_used(
    client: httpx.AsyncClient, sandbox: str, boxes: Boxes
):
    (box,) = [box for box in await boxes.all() if box.owner == sandbox]
    await boxes.pause(box.id)
    ran = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": "echo back"})
    assert ran.json()["stdout"] == "back\n"


async def test_a_port_is_exposed_by_its_url(client: httpx.AsyncClient, sandbox: str, host: RunningHost):
    command = "cd /tmp && echo served > index.html && exec python3 -m http.server 8123"
    started = await client.post(
        f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command, "background": True}
    )
    assert started.status_code == 202
    exposed = (await client.post(f"{BASE}/{sandbox}/expose-port", json={"port": 8123})).json()
    name = exposed["url"].removeprefix("http://").partition(":")[0]
    headers = {"Host": name, "e2b-traffic-access-token": exposed["access_token"]}
    async with httpx.AsyncClient(headers=headers) as browser, asyncio.timeout(30):
        while (answer := await browser.get(f"http://127.0.0.1:{host.port}/")).status_code != 200:
            await asyncio.sleep(0.05)
    assert answer.text == "served\n"


async def test_a_template_that_is_not_there_is_a_400_that_says_so(client: httpx.AsyncClient, boxes: Boxes):
    before = len(await boxes.all())
    refused = await client.post(BASE, json={"template_id": "no-such-template"})
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert "template_id" in refused.json()["detail"]
    assert len(await boxes.all()) == before


async def test_bad_bodies_are_400(client: httpx.AsyncClient, sandbox: str):
    for path, body in (
        ("", {"user_id": 1}),
        ("", {"status": "running"}),
        ("", {"timeout_seconds": 5}),
        ("", {"template_id": "../x"}),
        ("/connect", {}),
        ("/run-command", {"sandbox_id": sandbox, "command": ""}),
        ("/run-command", {"sandbox_id": sandbox, "command": "a\u0000b"}),
        ("/run-command", {"sandbox_id": sandbox, "command": "true", "env": {"A-B": "x"}}),
        ("/run-command", {"sandbox_id": sandbox, "command": "true", "cwd": "relative"}),
        ("/run-command", {"sandbox_id": sandbox, "command": "true", "cwd": "/no/such/folder"}),
        (f"/{sandbox}/timeout", {"timeout_seconds": 100_000}),
        (f"/{sandbox}/expose-port", {"port": 70_000}),
        ("/read-file", {"sandbox_id": sandbox, "path": "relative"}),
        ("/read-file", {"sandbox_id": sandbox, "path": "/tmp"}),
        (f"/{sandbox}/mkdir", {}),
    ):
        answer = await client.post(f"{BASE}{path}", json=body)
        assert answer.status_code == 400, (path, body, answer.text)
        assert answer.json()["code"] == "VALIDATION_ERROR"


async def test_ids_that_no_sandbox_can_have_are_refused_and_not_looked_up(client: httpx.AsyncClient, sandbox: str):
    for bad in ("%00", "a%20b", "a" * 65, "%27--"):
        assert (await client.get(f"{BASE}/{bad}")).status_code == 400, bad
        assert (await client.get(f"{BASE}/{bad}/slides")).status_code == 400, bad
    assert (await client.get(f"{BASE}/{sandbox}/slides?presentation_name=%00")).status_code == 400
    assert (await client.get(f"{BASE}/{sandbox}/download?path=/tmp/%00")).status_code == 400
    form = {"sandbox_id": "a\x00", "path": "/tmp/x"}
    assert (await client.post(f"{BASE}/upload-file", files={"file": ("x", b"1")}, data=form)).status_code == 404
    headers = {"Content-Type": "application/json"}
    for path, content in (("/tmp/x", "\\ud800"), ("/tmp/\\ud800", "x")):
        lone = f'{{"sandbox_id": "{sandbox}", "path": "{path}", "content": "{content}"}}'
        assert (await client.post(f"{BASE}/write-file", content=lone, headers=headers)).status_code == 400
