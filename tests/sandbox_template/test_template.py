"""The E2B template, as it would be sent, and what it starts; nothing leaves the machine."""

import ast
import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx

from agents_backend.stack.process import free_port
from sandbox_template import template
from tests.sandbox_template.conftest import TEMPLATE, healthy


def test_the_template_serialises_with_what_it_starts_and_waits_for():
    made = json.loads(template.as_json())
    assert made["fromImage"] == "node:24-bookworm"
    assert made["startCmd"] == "/opt/agents-backend/start.sh"
    assert ":6060/health" in made["readyCmd"]
    assert ":9000/healthz" in made["readyCmd"]
    kinds = [step["type"] for step in made["steps"]]
    assert kinds.index("COPY") < max(index for index, kind in enumerate(kinds) if kind == "RUN")
    assert kinds[-2:] == ["USER", "WORKDIR"]
    copies = {step["args"][0]: step for step in made["steps"] if step["type"] == "COPY"}
    assert set(copies) == {"mcp_server", "start.sh"}
    assert all(len(step["filesHash"]) == 64 for step in copies.values())


def test_what_python_leaves_behind_does_not_change_the_template(tmp_path, monkeypatch):
    folder = tmp_path / "template"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(template, "_FOLDER", folder)
    clean = template.as_json()
    (folder / "mcp_server/__pycache__").mkdir()
    (folder / "mcp_server/__pycache__/x.cpython-311.pyc").write_bytes(b"x")
    assert template.as_json() == clean
    (folder / "mcp_server/ports.py").write_text("changed = True\n")
    assert template.as_json() != clean


def test_the_command_line_prints_the_template_without_a_key_or_a_network():
    environment = {name: value for name, value in os.environ.items() if name != "E2B_API_KEY"}
    done = subprocess.run(
        [sys.executable, TEMPLATE / "template.py", "--json"],
        capture_output=True,
        check=True,
        env=environment,
        text=True,
    )
    assert json.loads(done.stdout) == json.loads(template.as_json())


def test_the_server_needs_only_what_its_requirements_bring():
    requirement = (TEMPLATE / "mcp_server/requirements.txt").read_text().strip()
    assert requirement == f"mcp=={version('mcp')}", "the pinned SDK is not the tested one"
    brought = {"mcp", "mcp_types", "pydantic", "starlette", "uvicorn"}
    for path in (TEMPLATE / "mcp_server").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            for name in names:
                assert name.split(".")[0] in {*brought, *sys.stdlib_module_names}, f"{path.name} imports {name}"


async def test_the_start_script_runs_both_servers_and_starts_one_again_that_died(tmp_path):
    """The script as the template lays it out; code-server's place is taken by a page, since it is 600 MB."""
    mcp, vscode = free_port(), free_port()
    home = _laid_out(tmp_path)
    process = await asyncio.create_subprocess_exec(
        tmp_path / "opt/start.sh",
        env={
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "MCP_PORT": str(mcp),
            "VSCODE_PORT": str(vscode),
            "SANDBOX_ROOT": str(home),
        },
        start_new_session=True,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await healthy(f"http://127.0.0.1:{mcp}/health")
        await healthy(f"http://127.0.0.1:{vscode}/healthz")
        arguments = (tmp_path / "arguments").read_text()
        assert f"--bind-addr 0.0.0.0:{vscode} --auth none" in arguments
        found = subprocess.run(["pgrep", "-f", f"mcp_server --port {mcp} "], capture_output=True, text=True, check=True)
        os.kill(int(found.stdout.split()[-1]), signal.SIGKILL)
        async with httpx.AsyncClient() as client, asyncio.timeout(30):
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{mcp}/health")
                except httpx.TransportError:
                    break
        await healthy(f"http://127.0.0.1:{mcp}/health")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _laid_out(folder: Path) -> Path:
    """The files where the template puts them, below `folder`; gives the sandbox's home."""
    shutil.copytree(TEMPLATE / "mcp_server", folder / "opt/mcp_server")
    shutil.copy(TEMPLATE / "start.sh", folder / "opt/start.sh")
    (folder / "opt/venv/bin").mkdir(parents=True)
    _script(folder / "opt/venv/bin/python", f'exec {sys.executable} "$@"\n')
    page = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))"
    _script(
        folder / "bin/code-server",
        f'echo "$*" > {folder}/arguments\ncd {folder}\nexec {sys.executable} -c "{page}" "${{2##*:}}" 2>/dev/null\n',
    )
    (folder / "healthz").write_text("{}")
    (folder / "home").mkdir()
    return folder / "home"


def _script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
