"""Ports of a sandbox through the host's ingress: HTTP, streams and WebSockets, opened by the sandbox's token alone."""

import asyncio

import httpx
import pytest
import websockets
from e2b import Sandbox
from websockets.exceptions import InvalidStatus

from tests.sandbox_host.running_host import RunningHost, eventually

PORT = 8000
SERVER = r"""
import base64, hashlib, http.server, json, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.echo_websocket()
        if self.path == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"first", b"last"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
                while part == b"first" and not open("/tmp/go").read():
                    time.sleep(0.01)
            return self.wfile.write(b"0\r\n\r\n")
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"more")
                    time.sleep(0.01)
            except OSError:
                open("/tmp/left", "w").close()
            return
        if self.path == "/broken":
            return self.wfile.write(b"this is not HTTP\r\n\r\n")
        self.answer(json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}).encode())

    def do_POST(self):
        body = b""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(body)

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "of=the-program")
        self.end_headers()
        self.wfile.write(body)

    def echo_websocket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            first, second = self.rfile.read(2)
            size = second & 127
            if size == 126:
                size = int.from_bytes(self.rfile.read(2), "big")
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))
            header = bytes([first, size]) if size < 126 else bytes([first, 126]) + size.to_bytes(2, "big")
            self.wfile.write(header + data)
            if first & 15 == 8:
                return

    def log_message(self, *_): pass

http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def served(host: RunningHost, sandbox: Sandbox) -> Sandbox:
    sandbox.files.write("/tmp/go", "")
    sandbox.files.write("/home/user/server.py", SERVER)
    sandbox.commands.run("python3 server.py", background=True, timeout=0)
    eventually(lambda: httpx.get(f"{host.url}/", headers=by_headers(sandbox)).status_code == 200)
    return sandbox


def by_headers(sandbox: Sandbox, port: int = PORT) -> dict[str, str]:
    return {
        "E2b-Sandbox-Id": sandbox.sandbox_id,
        "E2b-Sandbox-Port": str(port),
        "E2b-Traffic-Access-Token": sandbox.traffic_access_token,
    }


def by_host(sandbox: Sandbox, port: int = PORT) -> dict[str, str]:
    return {"Host": sandbox.get_host(port), "E2b-Traffic-Access-Token": sandbox.traffic_access_token}


@pytest.mark.parametrize("way", [by_headers, by_host])
def test_a_program_is_reached(host: RunningHost, served: Sandbox, way):
    answer = httpx.get(f"{host.url}/a%20b?c=d&e=%26", headers={**way(served), "X-Mine": "kept"})
    seen = answer.json()
    assert seen["path"] == "/a%20b?c=d&e=%26"
    assert seen["headers"]["x-mine"] == "kept"
    assert answer.headers["set-cookie"] == "of=the-program"
    assert served.traffic_access_token not in answer.text


def test_its_envd_token_opens_it_too(host: RunningHost, served: Sandbox):
    headers = {"Host": served.get_host(PORT), "X-Access-Token": served._envd_access_token}
    assert httpx.get(host.url, headers=headers).status_code == 200


def test_bodies_go_both_ways_with_and_without_a_length(host: RunningHost, served: Sandbox):
    data = bytes(range(256)) * 4096
    assert httpx.post(host.url, content=data, headers=by_headers(served)).content == data
    chunks = (data[at : at + 50_000] for at in range(0, len(data), 50_000))
    assert httpx.post(host.url, content=chunks, headers=by_headers(served)).content == data


def test_one_client_connection_serves_many_sandboxes_and_ports(host: RunningHost, served: Sandbox, other: Sandbox):
    with httpx.Client(base_url=host.url) as client:
        for _ in range(3):
            assert client.get("/x", headers=by_headers(served)).json()["path"] == "/x"
            assert client.get("/x", headers=by_headers(other)).status_code == 502
            assert client.get("/health").json()["status"] == "ok"


def test_a_stream_is_passed_on_as_it_comes(host: RunningHost, served: Sandbox):
    with httpx.stream("GET", f"{host.url}/stream", headers=by_headers(served)) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first"
        served.files.write("/tmp/go", "go")
        assert b"".join(parts) == b"last"


async def test_a_websocket_is_joined(host: RunningHost, served: Sandbox):
    address = f"ws://127.0.0.1:{host.port}/ws"
    headers = by_headers(served)
    async with websockets.connect(address, additional_headers=headers, proxy=None) as connection:
        for message in ("text ü", b"\x00\xff" * 5000):
            await connection.send(message)
            async with asyncio.timeout(20):
                assert await connection.recv() == message
    with pytest.raises(InvalidStatus):
        async with websockets.connect(
            address, additional_headers={**headers, "E2b-Traffic-Access-Token": "wrong"}, proxy=None
        ):
            pass


def test_no_token_no_entry(host: RunningHost, served: Sandbox, other: Sandbox):
    for token in (None, "wrong", other.traffic_access_token, other._envd_access_token):
        headers = {"Host": served.get_host(PORT), **({"E2b-Traffic-Access-Token": token} if token else {})}
        assert httpx.get(host.url, headers=headers).status_code == 403
    traffic = {**by_headers(served, 49983), "X-Access-Token": served.traffic_access_token}
    assert httpx.post(f"{host.url}/process.Process/List", json={}, headers=traffic).status_code == 401


def test_a_browser_comes_in_by_a_link_that_becomes_a_cookie(host: RunningHost, served: Sandbox):
    headers = {"Host": served.get_host(PORT)}
    answer = httpx.get(f"{host.url}/page?a=1&e2b_token={served.traffic_access_token}", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/page?a=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Domain" not in cookie
    headers["Cookie"] = f"{cookie.partition(';')[0]}; theirs=kept"
    seen = httpx.get(f"{host.url}/page?a=1", headers=headers).json()
    assert seen["headers"]["cookie"] == "theirs=kept"
    assert httpx.get(f"{host.url}/?e2b_token=wrong", headers={"Host": served.get_host(PORT)}).status_code == 403


def test_a_sandbox_may_open_its_ports_to_everybody(host: RunningHost):
    sandbox = Sandbox.create(timeout=120, network={"allow_public_traffic": True}, **host.options)
    sandbox.commands.run("python3 -m http.server 8001", background=True, timeout=0)
    eventually(lambda: httpx.get(host.url, headers={"Host": sandbox.get_host(8001)}).status_code == 200)
    envd = {"E2b-Sandbox-Id": sandbox.sandbox_id, "E2b-Sandbox-Port": "49983"}
    assert httpx.post(f"{host.url}/process.Process/List", json={}, headers=envd).status_code == 401
    sandbox.kill()


def test_a_client_that_leaves_is_told_to_the_program(host: RunningHost, served: Sandbox):
    with httpx.stream("GET", f"{host.url}/endless", headers=by_headers(served)) as answer:
        assert next(answer.iter_raw()) == b"more"
    eventually(lambda: served.files.exists("/tmp/left"))


def test_what_is_not_there_is_said(host: RunningHost, served: Sandbox):
    closed = httpx.get(host.url, headers=by_headers(served, 8999))
    assert (closed.status_code, closed.json()["message"]) == (502, "the sandbox is running but port is not open")
    assert httpx.get(f"{host.url}/broken", headers=by_headers(served)).status_code == 502
    for port in ("0", "70000", "x"):
        assert httpx.get(host.url, headers={**by_headers(served), "E2b-Sandbox-Port": port}).status_code == 502
    gone = httpx.get(host.url, headers={**by_headers(served), "E2b-Sandbox-Id": "inotthere"})
    assert gone.status_code == 502
    assert "was not found" in gone.json()["message"]
