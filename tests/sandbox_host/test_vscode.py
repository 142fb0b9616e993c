"""VS Code in a sandbox: started by the first request to its port, opened by the sandbox's token alone."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import websockets
from e2b import Sandbox

from sandbox_host.templates import table, vscode_missing
from sandbox_template.template import CODE_SERVER
from tests.sandbox_host import vscode
from tests.sandbox_host.running_host import RunningHost, eventually

LOG = "/tmp/vscode.log"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sandbox(host: RunningHost) -> Sandbox:
    sandbox = Sandbox.create("agents-backend-sandbox", timeout=600, **host.options)
    yield sandbox
    sandbox.kill()


@pytest.fixture
def headers(sandbox: Sandbox) -> dict[str, str]:
    """What brings a request to the editor of the sandbox and opens it."""
    token = sandbox._envd_access_token
    return {"E2b-Sandbox-Id": sandbox.sandbox_id, "E2b-Sandbox-Port": "9000", "X-Access-Token": token}


def test_it_starts_with_the_first_request_and_has_the_sandbox_s_files(
    host: RunningHost, sandbox: Sandbox, headers: dict[str, str]
):
    sandbox.files.write("/home/user/mine.py", "1")
    assert httpx.get(host.url, headers=headers | {"X-Access-Token": "wrong"}).status_code == 403
    assert not sandbox.files.exists(LOG)
    answer = httpx.get(host.url, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "mine.py" in answer.json()["files"]
    assert answer.json()["arguments"][:4] == ["--bind-addr", "127.0.0.1:9000", "--auth", "none"]
    assert sandbox.files.exists(LOG)
    assert httpx.get(host.url, headers=headers, timeout=60).json()["pid"] == answer.json()["pid"]
    assert httpx.get(f"{host.url}/health").json()["vscode"] is True


async def test_requests_that_come_together_start_it_once_and_the_first_may_be_a_websocket(
    host: RunningHost, sandbox: Sandbox, headers: dict[str, str]
):
    async def echoed() -> str:
        address = host.url.replace("http", "ws", 1)
        async with websockets.connect(address, additional_headers=headers, open_timeout=60) as connection:
            await connection.send("typed")
            return await connection.recv()

    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        said, *answers = await asyncio.gather(echoed(), *(client.get(host.url) for _ in range(8)))
    assert said == "typed"
    assert len({answer.json()["pid"] for answer in answers}) == 1


def test_after_its_end_the_next_request_starts_it_again(host: RunningHost, sandbox: Sandbox, headers: dict[str, str]):
    first = httpx.get(host.url, headers=headers, timeout=60).json()["pid"]
    assert httpx.get(f"{host.url}/end", headers=headers, timeout=60).status_code == 502
    again = eventually(lambda: (found := httpx.get(host.url, headers=headers, timeout=60)).is_success and found.json())
    assert again["pid"] != first
    sandbox.pause()
    Sandbox.connect(sandbox.sandbox_id, timeout=600, **host.options)
    assert httpx.get(host.url, headers=headers, timeout=60).json()["pid"] == again["pid"]


def test_one_that_does_not_start_is_told_at_once_and_tried_again_later(
    host: RunningHost, sandbox: Sandbox, headers: dict[str, str]
):
    sandbox.files.write("/home/user/broken", "")
    assert httpx.get(host.url, headers=headers, timeout=30).status_code == 502  # half of the time that it may take
    assert "it does not start" in sandbox.files.read(LOG)
    sandbox.files.remove("/home/user/broken")
    assert httpx.get(host.url, headers=headers, timeout=60).status_code == 200


def test_a_program_of_one_s_own_on_the_port_is_let_be(host: RunningHost, sandbox: Sandbox, headers: dict[str, str]):
    sandbox.commands.run("mkdir own && echo own > own/index.html")
    sandbox.commands.run("python3 -m http.server 9000 --directory own", background=True)
    eventually(lambda: sandbox.commands.run("curl -s localhost:9000 || true").stdout == "own\n")
    assert httpx.get(host.url, headers=headers, timeout=30).text == "own\n"
    assert not sandbox.files.exists(LOG)


def test_every_template_has_it_where_it_is_installed_and_none_where_it_is_not(tmp_path: Path):
    folder = vscode.lay(tmp_path / "vscode")
    assert vscode_missing(folder) is None
    ports = {name: [start.port for start in found.start] for name, found in table(None, folder).items()}
    assert ports == {"base": [9000], "agents-backend-sandbox": [6060, 9000]}
    (folder / "bin" / "code-server").unlink()
    assert "make vscode" in vscode_missing(folder)
    assert all(start.port != 9000 for found in table(None, folder).values() for start in found.start)


def test_the_install_says_what_it_lacks_and_is_not_made_twice(tmp_path: Path):
    for name in ("deploy/vscode.sh", "sandbox_template/template.py"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "sed", "dirname", "cat"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))

    def install() -> subprocess.CompletedProcess:
        command = ["sh", tmp_path / "deploy/vscode.sh", "uv"]
        return subprocess.run(
            command, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False, timeout=60
        )

    refused = install()
    assert refused.returncode == 1
    assert "make is missing" in refused.stderr
    assert not list(tmp_path.glob(".vscode-server*"))
    (tmp_path / ".vscode-server").mkdir()
    (tmp_path / ".vscode-server" / "version").write_text(f"{CODE_SERVER}\n")
    assert install().stdout.startswith(f"code-server {CODE_SERVER} is in ")
