"""AG-UI's own npm client, the protocol's judge, reads what chat/stream and ag-ui/{agent} answer."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.npm
FOLDER = Path(__file__).parent / "client"


@pytest.fixture(scope="module")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("agui")
    for name in ("package.json", "package-lock.json", "drive.mjs"):
        shutil.copy(FOLDER / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--silent"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the npm registry cannot be reached: {done.stderr.strip()[:200]}")
    return folder


SCENARIOS = ["text", "reasoning", "parallel_tools", "interrupt", "resume_api", "error", "cancel", "retry"]
CASES = [(scenario, endpoint) for endpoint in ("chat", "ag-ui") for scenario in SCENARIOS]


@pytest.mark.parametrize(("scenario", "endpoint"), [*CASES, ("client_tool", "ag-ui")])
async def test_the_official_client_reads_every_kind_of_answer(
    scenario, endpoint, client_folder, base_url, token, worker
):
    command = ["node", "drive.mjs", scenario, endpoint, base_url, token]
    child = await asyncio.create_subprocess_exec(*command, cwd=client_folder, stdout=-1, stderr=-1)
    out, err = await asyncio.wait_for(child.communicate(), 90)
    assert child.returncode == 0, f"{out.decode()}\n{err.decode()}"
    assert json.loads(out.decode().splitlines()[-1])["ok"] is True
    assert "warn" not in err.decode().lower(), err.decode()
