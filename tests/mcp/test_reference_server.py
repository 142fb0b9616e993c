"""The reference server of MCP's authors, from npm, used in chats over both of its transports."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from agents_backend.stack.process import free_port
from tests.mcp.test_chats import offered, results, warnings
from tests.streams import chat

pytestmark = pytest.mark.npm
FOLDER = Path(__file__).parent / "reference"
PROGRAM = "node_modules/@modelcontextprotocol/server-everything/dist/index.js"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("reference")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not install the server within 150 s here")
    if done.returncode:
        pytest.skip(f"the npm registry cannot be reached: {done.stderr.strip()[:200]}")
    return folder


@pytest.fixture(params=["streamableHttp", "sse"])
async def reference(request, installed: Path) -> AsyncIterator[dict[str, str]]:
    """The body that adds it, while it runs."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("node", PROGRAM, request.param),
        cwd=installed,
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listening(port)
        path, transport = ("/sse", "sse") if request.param == "sse" else ("/mcp", "streamable_http")
        yield {"url": f"http://127.0.0.1:{port}{path}", "transport": transport}
    finally:
        process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{port}/")
                return
            await asyncio.sleep(0.05)


async def test_its_tools_are_listed_offered_and_called_in_a_chat(admin, ann, reference, fake_model):
    made = await admin.post("/agent/mcp/servers", json={"name": "everything", **reference})
    assert made.status_code == 201, made.text
    names = {tool["name"] for tool in made.json()["tools"]}
    assert names >= {"echo", "get-sum", "get-tiny-image"}
    calls = '[tool:mcp__everything__echo {"message": "hi"}][tool:mcp__everything__get-sum {"a": 2, "b": 40}]'
    response, events = await chat(ann, f"{calls}[tool:mcp__everything__get-tiny-image {{}}]")
    assert set(offered(fake_model)) >= {f"mcp__everything__{name}" for name in names}
    said = results(events)
    assert len(said) == 3
    assert any("Echo: hi" in text for text in said), said
    assert any("42" in text for text in said), said
    assert any("image-" in text and "image/png" in text for text in said), said
    assert warnings(events) == []
    (picture,) = (await ann.get(f"/agent/runs/{response.headers['X-Run-Id']}")).json()["artifacts"]
    data = await ann.get(f"/agent/runs/{response.headers['X-Run-Id']}/artifacts/{picture['name']}")
    assert data.content.startswith(b"\x89PNG")
