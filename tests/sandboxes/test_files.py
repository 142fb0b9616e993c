"""Files of sandboxes, through HTTP, against the embedded host."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest
import uvicorn

from agents_backend.stack.process import free_port

BASE = "/agent/sandboxes"
MEGABYTE = 1 << 20


async def test_a_file_is_written_and_read_back_by_either_name_of_its_path(client: httpx.AsyncClient, sandbox: str):
    body = {"sandbox_id": sandbox, "path": "/home/user/a/./b/../c.txt", "content": "é\n"}
    written = await client.post(f"{BASE}/write-file", json=body)
    assert (written.status_code, written.json()["path"]) == (200, "/home/user/a/c.txt")
    read = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "file_path": "/home/user/a/c.txt"})
    assert read.json() == {"path": "/home/user/a/c.txt", "content": "é\n", "encoding": "utf-8", "size": 3}
    empty = await client.post(f"{BASE}/write-file", json={**body, "content": ""})
    assert empty.status_code == 200
    assert (await client.post(f"{BASE}/read-file", json=body | {"content": "x"})).status_code == 400
    read = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/home/user/a/c.txt"})
    assert read.json()["content"] == ""


async def test_a_file_that_is_no_text_is_read_in_base64(client: httpx.AsyncClient, sandbox: str):
    command = "printf '\\377\\376' > /tmp/b"
    await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command})
    read = (await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/tmp/b"})).json()
    assert (read["encoding"], read["content"]) == ("base64", "//4=")


async def test_a_folder_is_made_once(client: httpx.AsyncClient, sandbox: str):
    made = await client.post(f"{BASE}/{sandbox}/mkdir", json={"path": "/home/user/x/y"})
    again = await client.post(f"{BASE}/{sandbox}/mkdir", json={"path": "/home/user/x/y"})
    assert (made.json()["created"], again.json()["created"]) == (True, False)


@pytest.mark.parametrize("path", ["/system/depts", "/etc/hostname/below"])
async def test_a_place_where_the_sandbox_lets_nobody_write_is_a_400(client: httpx.AsyncClient, sandbox: str, path: str):
    made = await client.post(f"{BASE}/{sandbox}/mkdir", json={"path": path})
    assert (made.status_code, made.json()["code"]) == (400, "VALIDATION_ERROR"), made.text
    body = {"sandbox_id": sandbox, "path": path, "content": "x"}
    written = await client.post(f"{BASE}/write-file", json=body)
    assert (written.status_code, written.json()["code"]) == (400, "VALIDATION_ERROR"), written.text


async def test_what_the_sandbox_lets_nobody_read_is_a_400(client: httpx.AsyncClient, sandbox: str):
    command = "mkdir -p /tmp/shut && touch /tmp/shut/f && chmod 0 /tmp/shut"
    await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command})
    body = {"sandbox_id": sandbox, "path": "/tmp/shut/f"}
    for answer in (
        await client.post(f"{BASE}/read-file", json=body),
        await client.get(f"{BASE}/{sandbox}/download", params={"path": "/tmp/shut/f"}),
        await client.get(f"{BASE}/{sandbox}/files", params={"path": "/tmp/shut"}),
        await client.post(f"{BASE}/{sandbox}/mkdir", json={"path": "/tmp/shut/x"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), answer.text


async def test_a_folder_is_listed_its_folders_first_and_a_page_at_a_time(client: httpx.AsyncClient, sandbox: str):
    where = f"{BASE}/{sandbox}/files"
    command = "mkdir -p /tmp/list/z /tmp/list/y && printf 12345 > '/tmp/list/a b' && touch /tmp/list/.hidden"
    await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command})
    listed = (await client.get(where, params={"path": "/tmp/list/"})).json()
    assert [(item["name"], item["is_folder"]) for item in listed["items"]] == [
        ("y", True),
        ("z", True),
        (".hidden", False),
        ("a b", False),
    ]
    assert listed["items"][3] == {"name": "a b", "path": "/tmp/list/a b", "is_folder": False, "size": 5}
    second = (await client.get(where, params={"path": "/tmp/list", "size": 3, "page": 2})).json()
    assert ([item["name"] for item in second["items"]], second["total"], second["total_pages"]) == (["a b"], 4, 2)
    for path, status, code in (
        ("/tmp/none", 404, "PATH_NOT_FOUND"),
        ("/tmp/list/.hidden", 400, "VALIDATION_ERROR"),
        ("relative", 400, "VALIDATION_ERROR"),
        ("/a\x00b", 400, "VALIDATION_ERROR"),
    ):
        answer = await client.get(where, params={"path": path})
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


async def test_what_cannot_be_read_or_written_is_said(client: httpx.AsyncClient, sandbox: str):
    missing = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/tmp/none"})
    assert (missing.status_code, missing.json()["code"]) == (404, "PATH_NOT_FOUND")
    command = "head -c 6000000 /dev/zero > /tmp/large"
    await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command})
    large = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/tmp/large"})
    assert (large.status_code, large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_large_file_goes_up_and_comes_down_in_bounded_memory(client: httpx.AsyncClient, sandbox: str):
    size, before, most = 64, psutil.Process().memory_info().rss, 0
    piece, digest = b"0123456789abcdef" * (MEGABYTE // 16), hashlib.sha256()

    async def form() -> AsyncIterator[bytes]:
        nonlocal most
        for name, value in (("sandbox_id", sandbox), ("path", "/home/user/big")):
            yield f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n'
        for _ in range(size):
            most = max(most, psutil.Process().memory_info().rss)
            digest.update(piece)
            yield piece
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    sent = await client.post(f"{BASE}/upload-file", content=form(), headers=headers)
    assert (sent.status_code, sent.json()) == (200, {"path": "/home/user/big", "size": size * MEGABYTE}), sent.text
    back = hashlib.sha256()
    async with client.stream("GET", f"{BASE}/{sandbox}/download", params={"path": "/home/user/big"}) as answer:
        assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''big"
        async for part in answer.aiter_bytes():
            most = max(most, psutil.Process().memory_info().rss)
            back.update(part)
    assert back.digest() == digest.digest()
    # The client, the API and the worker are all in this process; the file whole would be 64 MB in any one of them.
    assert most - before < 48 * MEGABYTE


async def test_a_file_may_come_before_the_fields(client: httpx.AsyncClient, sandbox: str):
    parts = [
        ("file", ("x.bin", b"\r\n--not-the-end" * 200_000)),
        ("sandbox_id", (None, sandbox)),
        ("file_path", (None, "/home/user/x.bin")),
    ]
    sent = await client.post(f"{BASE}/upload-file", files=parts)
    assert (sent.status_code, sent.json()["size"]) == (200, 15 * 200_000), sent.text


async def test_forms_that_cannot_be_are_refused(client: httpx.AsyncClient, sandbox: str):
    url, file = f"{BASE}/upload-file", ("x", b"1")
    good = {"sandbox_id": sandbox, "path": "/home/user/x"}
    assert (await client.post(url, json=good)).status_code == 415
    assert (await client.post(url, files={"file": file})).status_code == 400
    assert (await client.post(url, files={"other": file}, data=good)).status_code == 400
    assert (await client.post(url, files={"file": file}, data={**good, "path": "relative"})).status_code == 400
    assert (await client.post(url, files={"file": file}, data={**good, "sandbox_id": "sbx_none"})).status_code == 404
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await client.post(url, content=b"--b\r\nrubbish", headers=headers)).status_code == 400
    assert (await client.post(url, content=b"", headers=headers)).status_code == 400


class Canary:
    """A server on loopback that remembers who came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.seen: list[tuple[str, str, bytes]] = []
        self.redirect = ""

    async def __call__(self, scope, receive, send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.seen.append((scope["method"], scope["path"], body))
        headers = [(b"location", self.redirect.encode())] if scope["path"] == "/redirect" else []
        status = 302 if headers else 403 if scope["path"] == "/refuse" else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"SECRET" if status == 403 else b"fetched"})


@pytest.fixture(scope="module")
async def canary() -> AsyncIterator[Canary]:
    app = Canary()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=app.port, log_config=None, lifespan="off", ws="none")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield app
    server.should_exit = True
    await task


async def test_a_file_is_fetched_from_a_url_and_sent_to_one(client: httpx.AsyncClient, sandbox: str, canary: Canary):
    """Loopback stands for the Internet here; that nothing else of it is reached is shown below."""
    address = f"http://127.0.0.1:{canary.port}"
    body = {"sandbox_id": sandbox, "url": f"{address}/data", "path": "/home/user/data"}
    assert (await client.post(f"{BASE}/upload-from-url", json=body)).json() == {"path": "/home/user/data"}
    read = await client.post(f"{BASE}/read-file", json={"sandbox_id": sandbox, "path": "/home/user/data"})
    assert read.json()["content"] == "fetched"
    sent = {"sandbox_id": sandbox, "path": "/home/user/data", "presigned_url": f"{address}/put?signature=x"}
    answer = await client.post(f"{BASE}/download-to-presigned", json=sent)
    assert answer.json() == {"path": "/home/user/data", "size": 7}
    assert canary.seen[-1] == ("PUT", "/put", b"fetched")
    refused = await client.post(f"{BASE}/download-to-presigned", json={**sent, "presigned_url": f"{address}/refuse"})
    assert (refused.status_code, refused.json()["code"]) == (502, "UPSTREAM_FAILED")
    assert "SECRET" not in refused.text
    redirected = await client.post(
        f"{BASE}/download-to-presigned", json={**sent, "presigned_url": f"{address}/redirect"}
    )
    assert redirected.status_code == 502


def addresses(port: int) -> list[str]:
    decimal = int.from_bytes(socket.inet_aton("127.0.0.1"))
    return [
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}/",
        f"http://127.1:{port}/",
        f"http://{decimal}:{port}/",
        f"http://0x7f000001:{port}/",
        f"http://0177.0.0.1:{port}/",
        f"http://0.0.0.0:{port}/",
        f"http://[::1]:{port}/",
        f"http://[::ffff:127.0.0.1]:{port}/",
        f"http://[::ffff:7f00:1]:{port}/",
        f"http://user:pass@127.0.0.1:{port}/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "file:///etc/passwd",
        f"gopher://127.0.0.1:{port}/",
        f"//127.0.0.1:{port}/",
        "/etc/passwd",
        "http:///",
        f"http://127.0.0.1:{port}\\@example.com/",
    ]


async def test_no_address_but_a_public_one_is_connected_to(
    strict: httpx.AsyncClient, strict_sandbox: str, canary: Canary
):
    before = len(canary.seen)
    await strict.post(f"{BASE}/write-file", json={"sandbox_id": strict_sandbox, "path": "/tmp/f", "content": "x"})
    for url in addresses(canary.port):
        body = {"sandbox_id": strict_sandbox, "url": url, "path": "/tmp/got"}
        answer = await strict.post(f"{BASE}/upload-from-url", json=body)
        assert answer.status_code == 400, (url, answer.text)
        body = {"sandbox_id": strict_sandbox, "path": "/tmp/f", "presigned_url": url}
        answer = await strict.post(f"{BASE}/download-to-presigned", json=body)
        assert answer.status_code == 400, (url, answer.text)
    assert len(canary.seen) == before
    missing = await strict.post(f"{BASE}/read-file", json={"sandbox_id": strict_sandbox, "path": "/tmp/got"})
    assert missing.status_code == 404
