"""The proxy's configuration, in a real nginx before a real API: tokens pass as they come, and metrics stay inside."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from agents_backend.stack.process import accepts, free_port

CONFIGURATION = Path(__file__).parents[2] / "deploy/nginx/nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")  # not on the PATH of most users
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture(scope="module")
async def proxied(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    upstream = base_url.removeprefix("http://")
    text = CONFIGURATION.read_text()
    # What Docker would resolve is one address here; everything else stands as it is deployed.
    for deployed, here in (
        ("server api:8000 resolve", f"server {upstream}"),
        ("listen 8080", f"listen 127.0.0.1:{port}"),
        ("/tmp/", f"{folder}/"),
    ):
        assert deployed in text
        text = text.replace(deployed, here)
    (folder / "nginx.conf").write_text(text)
    with (folder / "log").open("wb") as log:
        command = [NGINX, "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf", "-g", "daemon off;"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    while not await accepts(port):
        assert process.poll() is None, (folder / "log").read_text()
        await asyncio.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


async def test_tokens_come_through_the_proxy_while_the_answer_is_written(client, proxied):
    body = {"messages": [{"role": "user", "content": "slowly [tokens=40 delay=50]"}]}
    async with (
        httpx.AsyncClient(base_url=proxied, headers=client.headers, timeout=30) as through,
        through.stream("POST", "/api/v1/agent/chat/stream", json=body) as response,
    ):
        assert response.headers["Content-Type"].startswith("text/event-stream")
        pieces = [chunk async for chunk in response.aiter_raw()]
    # A buffering proxy would hand out these few kilobytes in one or two pieces at the end.
    assert len(pieces) > 10


async def test_metrics_are_not_for_the_outside_and_everything_else_is(proxied):
    async with httpx.AsyncClient(base_url=proxied) as outside:
        assert (await outside.get("/metrics")).status_code == 404
        assert (await outside.get("/health/live")).json()["status"] == "healthy"
        refused = await outside.get("/api/v1/agent/runs")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
