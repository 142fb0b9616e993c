"""Commands in sandboxes, through HTTP, against the embedded host."""

import asyncio
import time

import httpx
import pytest
from sqlalchemy import text

from agents_backend.services import sandbox_commands

BASE = "/agent/sandboxes"


async def run(client: httpx.AsyncClient, sandbox: str, command: str, **more) -> dict:
    answer = await client.post(f"{BASE}/run-command", json={"sandbox_id": sandbox, "command": command, **more})
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


async def test_a_command_that_fails_is_a_200_with_its_exit_code(client: httpx.AsyncClient, sandbox: str):
    done = await run(client, sandbox, "echo out; echo err >&2; exit 3")
    assert (done["exit_code"], done["stdout"], done["stderr"]) == (3, "out\n", "err\n")
    assert done["duration_ms"] >= 0
    assert not done["truncated"]


async def test_a_command_gets_its_folder_and_variables_and_nothing_of_ours(client: httpx.AsyncClient, sandbox: str):
    env = {"QUOTED": 'it\'s "$HOME"\nand more', "HOME": "/tmp"}
    done = await run(client, sandbox, 'pwd; echo "$QUOTED" "$HOME"; env | grep -c AGENTS_', cwd="/tmp", env=env)
    assert done["stdout"] == '/tmp\nit\'s "$HOME"\nand more /tmp\n0\n'


async def test_the_variables_of_a_command_are_stored_encrypted_and_forgotten_at_its_end(
    client: httpx.AsyncClient, sandbox: str, database
):
    async def stored(command_id: str) -> tuple[str, bytes | None]:
        async with database.autocommit() as session:
            query = text("select c::text, env from sandbox_commands c where id = :id")
            return tuple((await session.execute(query, {"id": command_id})).one())

    begun = await run(client, sandbox, 'sleep 30; echo "$KEY"', env={"KEY": "canary-of-env"}, background=True)
    row, env = await stored(begun["command_id"])
    assert env
    assert b"canary" not in env
    assert "KEY" not in row.replace("$KEY", "")
    done = await client.post(f"{BASE}/{sandbox}/commands/{begun['command_id']}/cancel")
    assert done.status_code == 200, done.text
    assert (await stored(begun["command_id"]))[1] is None


async def test_quotes_newlines_and_words_of_any_script_reach_the_shell_as_they_are(
    client: httpx.AsyncClient, sandbox: str
):
    done = await run(client, sandbox, "cat <<'END'\n$0 \\ \"'` é 日本\nEND\n[ -t 0 ] || echo no terminal")
    assert done["stdout"] == "$0 \\ \"'` é 日本\nno terminal\n"


async def test_a_command_is_killed_when_its_time_is_up_with_all_that_it_started(
    client: httpx.AsyncClient, sandbox: str
):
    done = await run(client, sandbox, "echo begun; sleep 987 & sleep 986", timeout_seconds=1)
    assert (done["exit_code"], done["stdout"]) == (124, "begun\n")
    async with asyncio.timeout(20):
        while (await run(client, sandbox, "grep -lx 'sleep.98[67].' -a /proc/*/cmdline"))["exit_code"] == 0:
            await asyncio.sleep(0.1)


async def test_only_the_first_megabyte_of_an_output_is_kept_and_that_is_said(client: httpx.AsyncClient, sandbox: str):
    done = await run(client, sandbox, "yes | head -c 3000000; head -c 2000 /dev/zero >&2")
    assert done["truncated"]
    assert len(done["stdout"]) == 1_000_000
    assert done["stderr"] == "\ufffd" * 2000


# The worker is in this process: with 0 a command is followed, with 5 its start waits for its end.
@pytest.mark.parametrize("quick", [0, 5])
async def test_a_background_command_is_looked_at_while_it_runs_and_ends_by_itself(
    client: httpx.AsyncClient, sandbox: str, quick: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox_commands, "QUICK_SECONDS", quick)
    begun = await run(client, sandbox, "echo one; until [ -e /tmp/go ]; do sleep 0.05; done; echo two", background=True)
    where = f"{BASE}/{sandbox}/commands/{begun['command_id']}"
    assert (begun["status"], begun["exit_code"]) == ("running", None)
    async with asyncio.timeout(30):
        while (seen := (await client.get(where)).json())["stdout"] != "one\n":
            await asyncio.sleep(0.05)
    assert seen["status"] == "running"
    await run(client, sandbox, "touch /tmp/go")
    async with asyncio.timeout(60):
        while (seen := (await client.get(where)).json())["status"] == "running":
            await asyncio.sleep(0.1)
    assert (seen["exit_code"], seen["stdout"]) == (0, "one\ntwo\n")
    listed = (await client.get(f"{BASE}/{sandbox}/commands")).json()
    assert listed["total"] == 2
    assert listed["items"][1]["command_id"] == begun["command_id"]


@pytest.mark.parametrize("quick", [0, 5])
async def test_a_cancelled_command_keeps_what_it_wrote_and_its_children_are_gone(
    client: httpx.AsyncClient, sandbox: str, quick: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox_commands, "QUICK_SECONDS", quick)
    begun = await run(client, sandbox, "echo kept; sleep 985 & wait", background=True)
    where = f"{BASE}/{sandbox}/commands/{begun['command_id']}"
    async with asyncio.timeout(30):
        while (await client.get(where)).json()["stdout"] != "kept\n":
            await asyncio.sleep(0.05)
    stopped = (await client.post(f"{where}/cancel")).json()
    assert (stopped["status"], stopped["stdout"], stopped["exit_code"]) == ("cancelled", "kept\n", 143)
    assert (await client.post(f"{where}/cancel")).json()["status"] == "cancelled"
    left = await run(client, sandbox, "grep -lx 'sleep.985.' -a /proc/*/cmdline")
    assert left["stdout"] == ""


async def test_a_sandbox_with_a_running_command_is_not_paused(client: httpx.AsyncClient, sandbox: str):
    begun = await run(client, sandbox, "sleep 984", background=True)
    refused = await client.post(f"{BASE}/{sandbox}/pause")
    assert (refused.status_code, refused.json()["code"]) == (409, "SANDBOX_BUSY")
    await client.post(f"{BASE}/{sandbox}/commands/{begun['command_id']}/cancel")
    assert (await client.post(f"{BASE}/{sandbox}/pause")).json()["status"] == "paused"


async def test_the_same_key_runs_a_command_once(client: httpx.AsyncClient, sandbox: str):
    headers = {"Idempotency-Key": f"cmd-{time.time_ns()}"}
    body = {"sandbox_id": sandbox, "command": "echo x >> /tmp/times; wc -l < /tmp/times"}
    answers = await asyncio.gather(*(client.post(f"{BASE}/run-command", json=body, headers=headers) for _ in range(5)))
    assert {answer.json()["stdout"] for answer in answers} == {"1\n"}
    other = await client.post(f"{BASE}/run-command", json={**body, "command": "true"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


async def test_a_client_that_goes_away_stops_nothing(client: httpx.AsyncClient, sandbox: str):
    body = {"sandbox_id": sandbox, "command": "sleep 0.5; echo done > /tmp/finished"}
    with pytest.raises(httpx.TimeoutException):
        await client.post(f"{BASE}/run-command", json=body, timeout=0.3)
    async with asyncio.timeout(30):
        while (await run(client, sandbox, "cat /tmp/finished"))["stdout"] != "done\n":
            await asyncio.sleep(0.05)


async def test_many_commands_run_side_by_side(client: httpx.AsyncClient, sandbox: str):
    done = await asyncio.gather(*(run(client, sandbox, f"echo {n}") for n in range(10)))
    assert [item["stdout"] for item in done] == [f"{n}\n" for n in range(10)]
