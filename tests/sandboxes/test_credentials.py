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
