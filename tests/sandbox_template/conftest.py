"""The MCP server as a sandbox runs it: a process of its own, on loopback, in a home of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mcp import Client

from agents_backend.stack.process import free_port

TEMPLATE = Path(__file__).resolve().parents[2] / "sandbox_template"


@dataclass(frozen=True)
class Box:
    url: str
    home: Path
    pid: int


@asynccontextmanager
async def running_box(home: Path) -> AsyncIterator[Box]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "mcp_server", "--host", "127.0.0.1", "--port", str(port), "--root", str(home), "--also", str(home)),
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(TEMPLATE)},
        cwd=home,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await healthy(f"{url}/health")
        yield Box(url, home, process.pid)
    finally:
        process.terminate()
        await process.wait()


async def healthy(url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Box]:
    async with running_box(tmp_path_factory.mktemp("home")) as box:
        yield box


class Tools:
    """Calls tools as any MCP client does, each time as a new one; gives the structured answer, or the error's text."""

    def __init__(self, box: Box) -> None:
        self._url = f"{box.url}/mcp"

    async def list(self):
        async with Client(self._url) as client:
            return (await client.list_tools()).tools

    async def __call__(self, tool: str, /, **arguments):
        async with Client(self._url) as client:
            answer = await client.call_tool(tool, arguments)
        assert not answer.is_error, answer.content
        return answer.structured_content

    async def refused(self, tool: str, /, **arguments) -> str:
        async with Client(self._url) as client:
            answer = await client.call_tool(tool, arguments)
        assert answer.is_error, answer.structured_content
        return answer.content[0].text


@pytest.fixture
def tools(box: Box) -> Tools:
    return Tools(box)
