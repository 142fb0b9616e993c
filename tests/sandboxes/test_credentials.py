"""A user's coding agents in their sandboxes: credentials are there when one is made, and follow when it is resumed."""

import json

import httpx

BASE, CODEX = "/agent/sandboxes", "/agent/user-settings/mcp/codex"
PLACE = "/home/user/.codex/auth.json"


async def test_credentials_are_placed_in_a_new_sandbox_and_follow_when_it_is_resumed(client: httpx.AsyncClient):
    await client.post(CODEX, json={"apikey": "sk-first-of-two"})
    made = (await client.post(BASE, json={})).json()
    there = {"sandbox_id": made["sandbox_id"], "path": PLACE}
    read = await client.post(f"{BASE}/read-file", json=there)
    assert json.loads(read.json()["content"]) == {"OPENAI_API_KEY": "sk-first-of-two"}
    await client.post(f"{BASE}/{made['sandbox_id']}/pause")
    await client.post(CODEX, json={"apikey": "sk-second-of-two"})
    await client.post(f"{BASE}/connect", json={"sandbox_id": made["sandbox_id"]})
    read = await client.post(f"{BASE}/read-file", json=there)
    assert json.loads(read.json()["content"]) == {"OPENAI_API_KEY": "sk-second-of-two"}
    await client.patch(f"{CODEX}/toggle", json={"is_active": False})
    await client.post(f"{BASE}/{made['sandbox_id']}/pause")
    await client.post(f"{BASE}/connect", json={"sandbox_id": made["sandbox_id"]})
    assert (await client.post(f"{BASE}/read-file", json=there)).status_code == 404
    await client.delete(CODEX)
    await client.delete(f"{BASE}/{made['sandbox_id']}")


async def test_credentials_can_be_read_by_their_owner_alone(client: httpx.AsyncClient):
    await client.post(CODEX, json={"apikey": "sk-of-its-owner"})
    made = (await client.post(BASE, json={})).json()

    async def run(command: str) -> str:
        answer = await client.post(f"{BASE}/run-command", json={"sandbox_id": made["sandbox_id"], "command": command})
        return answer.json()["stdout"]

    modes = "stat -c '%a %U %n' ~/.codex ~/.codex/* ~/.codex/.[a-z]* 2> /dev/null"
    whole = "700 user /home/user/.codex\n600 user /home/user/.codex/auth.json\n600 user /home/user/.codex/config.toml\n"
    assert await run(modes) == whole
    await run("chmod 644 ~/.codex/auth.json; echo a half > ~/.codex/auth.json.new")
    await client.post(f"{BASE}/{made['sandbox_id']}/pause")
    await client.post(f"{BASE}/connect", json={"sandbox_id": made["sandbox_id"]})
    assert await run(modes) == whole
    assert json.loads(await run("cat ~/.codex/auth.json")) == {"OPENAI_API_KEY": "sk-of-its-owner"}
    await client.delete(CODEX)
    await client.delete(f"{BASE}/{made['sandbox_id']}")


async def test_a_sandbox_in_which_credentials_cannot_be_placed_is_resumed_all_the_same(client: httpx.AsyncClient):
    await client.post(CODEX, json={"apikey": "sk-without-a-place"})
    made = (await client.post(BASE, json={})).json()
    here = {"sandbox_id": made["sandbox_id"]}
    await client.post(f"{BASE}/run-command", json={**here, "command": "rm -r ~/.codex && touch ~/.codex"})
    await client.post(f"{BASE}/{made['sandbox_id']}/pause")
    resumed = await client.post(f"{BASE}/connect", json=here)
    assert (resumed.status_code, resumed.json()["status"]) == (200, "running")
    left = await client.post(f"{BASE}/run-command", json={**here, "command": "stat -c '%F %s' ~/.codex"})
    assert left.json()["stdout"] == "regular empty file 0\n"
    await client.delete(CODEX)
    await client.delete(f"{BASE}/{made['sandbox_id']}")
