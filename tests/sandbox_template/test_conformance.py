"""MCP's own conformance suite against the sandbox's server."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.sandbox_template.conftest import Box

SUITE = "@modelcontextprotocol/conformance@0.1.16"
NODE = "node@22"  # the suite does not run on the Node 20 of many machines
BASELINE = Path(__file__).parent / "conformance.yml"
APPLY = {
    *("server-initialize", "ping", "tools-list", "tools-call-simple-text", "tools-call-error"),
    *("resources-list", "prompts-list", "dns-rebinding-protection"),
}

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
async def suite(pytestconfig: pytest.Config) -> Path:
    """The suite's folder of commands; installed once a checkout."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: MCP's conformance suite cannot run")
    folder = Path(pytestconfig.cache.mkdir("mcp-conformance"))
    commands = folder / "node_modules/.bin"
    if not (commands / "conformance").exists() or not (commands / "node").exists():
        code, output = await _run("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", SUITE, NODE)
        if code != 0 or not (commands / "node").exists():
            pytest.skip(f"npm cannot install MCP's conformance suite here: {output[-300:]}")
    return commands


async def test_every_scenario_passes_that_applies(box: Box, suite: Path, tmp_path):
    code, output = await _run(
        *("conformance", "server", "--url", f"{box.url}/mcp", "--expected-failures", str(BASELINE)),
        *("--output-dir", str(tmp_path)),
        PATH=f"{suite}:{os.environ['PATH']}",
    )
    passed = {name for name, count in re.findall(r"✓ (\S+): (\d+) passed, 0 failed", output) if int(count) > 0}
    assert code == 0, output[-3000:]
    assert passed >= APPLY


async def _run(*command: str, seconds: float = 150, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, f"it took more than {seconds:g} s"
    return process.returncode or 0, output.decode(errors="replace")
