"""MCP servers that are programs: in the sandbox of the run that names them, and nowhere else."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents_backend.settings import ModelConfig, ModelSettings, SandboxSettings, Settings
from tests.api.people import until
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp.test_chats import payloads
from tests.sandbox_host.running_host import RunningHost
from tests.sandboxes.conftest import e2b_of
from tests.sandboxes.test_agent_runs import agent_url, client, model, work

__all__ = ["agent_url", "client", "model"]

# The whole of a server, in Python's standard library: it says where it is, and leaves a mark there.
PROGRAM = """
import json, os, sys
print("a banner, which is no message", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, result, error = asked["method"], None, None
    if method == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "p", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [{"name": "mark", "description": "Leave a mark.", "inputSchema": {"type": "object"}}]}
    elif method == "tools/call":
        open(os.environ["MARK"], "a").write("here")
        result = {"content": [{"type": "text", "text": os.getcwd() + " " + os.environ["SECRET"][-3:]}]}
    else:
        error = {"code": -32601, "message": "no such method"}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **({"error": error} if error else {"result": result})}), flush=True)
"""
MARK = "/home/user/mark-of-a-program"


@pytest.fixture(scope="module")
async def agent_settings(host: RunningHost, model: FakeOpenAI, tmp_path_factory) -> AsyncIterator[Settings]:
    """On servers of its own: the session's worker, which knows another model, would take its runs."""
    config = ModelConfig(name="fake", model="fake", base_url=model.base_url)
    async with running_stack() as stack:
        yield settings_for(
            stack,
            encrypt_payloads=False,  # a history is searched for a secret
            e2b=e2b_of(host),
            sandboxes=SandboxSettings(per_user=60),
            models=ModelSettings(list=(config,)),
            data_dir=tmp_path_factory.mktemp("data"),
        )


def server(**more) -> dict:
    env = {"MARK": MARK, "SECRET": "canary-of-a-program-abc"}
    stdio = {"transport": "stdio", "command": "python3", "args": ["-u", "-c", PROGRAM], "env": env, **more}
    return {"servers": {"prog": stdio}}


def results(events: list[dict]) -> list[str]:
    return [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]


async def test_a_program_serves_its_run_from_within_the_sandbox(client, model):
    thread, _, events = await work(client, model, "[tool:mcp__prog__mark {}]", mcp_settings=server())
    assert results(events) == ["/home/user abc"]
    (made,) = [e["value"] for e in events if e["type"] == "CUSTOM" and e["name"] == "sandbox.created"]
    there = {"sandbox_id": made["sandbox_id"], "path": MARK}
    assert (await client.post("/agent/sandboxes/read-file", json=there)).json()["content"] == "here"
    assert not Path(MARK).exists()
    await until(lambda: asyncio.sleep(0, not left_running("canary-of-a-program")))
    await client.delete(f"/agent/threads/{thread}")


def left_running(word: str) -> list[Path]:
    """The processes, in a box or outside, that were started with a word among their variables."""
    return [process for process in Path("/proc").glob("[0-9]*") if _has(process, word)]


def _has(process: Path, word: str) -> bool:
    try:
        return word in (process / "environ").read_text(errors="replace")
    except OSError:
        return False


async def test_a_program_that_is_none_costs_the_run_its_tools_alone(client, model):
    _, _, events = await work(client, model, mcp_settings=server(command="/no/such/program", args=[]))
    (warning,) = [e["value"] for e in events if e["type"] == "CUSTOM" and e["name"] == "warning"]
    assert warning["server"] == "prog"
    assert events[-1]["type"] == "RUN_FINISHED"


async def test_a_program_s_secrets_are_in_no_history(client, model, agent_settings):
    from agents_backend.integrations.temporal import connect  # noqa: PLC0415

    _, run_id, _ = await work(client, model, "[tool:mcp__prog__mark {}]", mcp_settings=server())
    temporal = await connect(agent_settings)
    told = (await temporal.get_workflow_handle(f"agent-{run_id}").fetch_history()).to_json()
    whole = told + "".join(base64.b64decode(data).decode("latin-1") for data in payloads(json.loads(told)))
    assert "mcp__prog__mark" in whole
    assert "canary-of-a-program" not in whole
