"""Templates: what a sandbox starts from, and the programs that it starts with."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from e2b import Sandbox

from sandbox_host.templates import Mount, Start, Template, table
from tests.sandbox_host.conftest import started
from tests.sandbox_host.running_host import RunningHost, eventually

SERVER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        import mcp  # of the host's own packages
        self.send_response(200 if self.path == "/health" else 418)
        self.end_headers()
        self.wfile.write(json.dumps({"cwd": os.getcwd(), "mcp": mcp.__name__}).encode())
http.server.HTTPServer(("127.0.0.1", 6060), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def own_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """A host with a stand-in for the in-box MCP server, as a package of the template's folder."""
    folder = tmp_path_factory.mktemp("template")
    folder.chmod(0o755)
    (folder / "mcp_server").mkdir()
    (folder / "mcp_server" / "__main__.py").write_text(SERVER)
    host = started(SANDBOX_HOST_TEMPLATE_DIR=str(folder))
    yield host
    host.stop()
    host.remove()
    shutil.rmtree(folder)


def test_the_product_s_template_serves_its_program_from_the_start(own_host: RunningHost):
    pytest.importorskip("mcp", reason="the mcp package is not installed")
    sandbox = Sandbox.create("agents-backend-sandbox", timeout=120, **own_host.options)
    headers = {
        "E2b-Sandbox-Id": sandbox.sandbox_id,
        "E2b-Sandbox-Port": "6060",
        "X-Access-Token": sandbox._envd_access_token,
    }
    answer = httpx.get(
        f"{own_host.url}/mcp", headers=headers, timeout=60
    )  # at once: the ingress waits until it is ready
    assert (answer.status_code, answer.json()["mcp"]) == (418, "mcp")
    assert answer.json()["cwd"] == "/home/user"
    assert sandbox.files.exists("/tmp/mcp.log")
    sandbox.commands.run("pkill -f [m]cp_server; true")
    eventually(lambda: httpx.get(f"{own_host.url}/health", headers=headers, timeout=60).status_code == 200)
    sandbox.pause(mode="filesystem")
    Sandbox.connect(sandbox.sandbox_id, timeout=120, **own_host.options)
    assert httpx.get(f"{own_host.url}/health", headers=headers, timeout=60).status_code == 200
    sandbox.kill()


def test_without_its_folder_the_template_is_there_and_has_no_program(tmp_path: Path):
    found = table(tmp_path)
    assert set(found) == {"base", "agents-backend-sandbox"}
    assert found["agents-backend-sandbox"].start == ()
    assert found["base"].missing() is None


def test_what_a_template_lacks_is_named(tmp_path: Path):
    if os.getuid() == 0:
        tmp_path.chmod(0o700)
        assert "chmod" in Template("t", mounts=(Mount(tmp_path, "/x"),)).missing()
    start = (Start("x", ("true",), 1),)
    assert "gone is not on this host" in Template("t", mounts=(Mount(tmp_path / "gone", "/x"),), start=start).missing()
    assert "no_such_package" in Template("t", packages=("no_such_package",), start=start).missing()
