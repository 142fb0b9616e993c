"""A user's own settings: Codex, Claude Code, servers of theirs; their secrets; tokens that are refreshed in time."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from temporalio.worker import Replayer

from agents_backend.integrations.temporal import connect
from agents_backend.services.credential_files import CredentialFiles
from agents_backend.services.vault import Vault
from tests.api.people import until
from tests.fakes.mcp_server import FakeMcp
from tests.mcp.test_chats import found_in, offered, results
from tests.replay.runner import strict_runner
from tests.streams import chat
from workflows.coding_agents import RefreshClaudeCodeWorkflow

SETTINGS = "/agent/user-settings/mcp"
KEY = "sk-canary-of-codex-0000-9c1e"
CODEX = {"apikey": KEY, "model": "gpt-4o", "model_reasoning_effort": "medium", "search": False}


@pytest.fixture(autouse=True)
async def nothing_left(ann):
    yield
    for setting in (await ann.get(SETTINGS, params={"size": 200})).json()["items"]:
        await ann.delete(f"{SETTINGS}/{setting['tool_type']}")


async def consented(client, anthropic) -> str:
    """What a person copies from the page: code#verifier."""
    begun = (await client.get(f"{SETTINGS}/claude-code/authorize")).json()
    query = parse_qs(urlsplit(begun["url"]).query)
    assert begun["url"].startswith("https://claude.ai/oauth/authorize?code=true&client_id=9d1c250a")
    assert query["code_challenge_method"] == ["S256"]
    assert query["state"] == [begun["verifier"]]
    return f"{anthropic.consent(query['code_challenge'][0])}#{begun['verifier']}"


async def user_id(mcp_database) -> int:
    async with mcp_database.autocommit() as session:
        return (await session.execute(text("select id from users where username = 'ann'"))).scalar_one()


async def files(mcp_database, mcp_settings) -> dict[str, str]:
    found = await CredentialFiles(database=mcp_database, vault=Vault(mcp_settings.vault)).of(
        await user_id(mcp_database)
    )
    return {file.path: file.content for file in found}


async def test_codex_is_kept_encrypted_read_back_masked_and_given_to_sandboxes(ann, mcp_database, mcp_settings):
    assert (await ann.get(f"{SETTINGS}/codex")).status_code == 404
    made = await ann.post(f"{SETTINGS}/codex", json=CODEX)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/agent/user-settings/mcp/codex"
    assert made.json()["apikey"] == "********9c1e"
    changed = await ann.post(f"{SETTINGS}/codex", json={**CODEX, "apikey": "********9c1e", "search": True})
    assert (changed.status_code, changed.json()["search"]) == (200, True)
    assert (await ann.get(f"{SETTINGS}/codex")).json() == changed.json()
    assert (await ann.get(SETTINGS)).json()["items"] == [changed.json()]
    assert await found_in(mcp_database, KEY) == []
    placed = await files(mcp_database, mcp_settings)
    assert json.loads(placed["/home/user/.codex/auth.json"]) == {"OPENAI_API_KEY": KEY}
    assert placed["/home/user/.codex/config.toml"] == (
        'model = "gpt-4o"\nmodel_reasoning_effort = "medium"\n\n[tools]\nweb_search = true\n'
    )


async def test_turning_one_on_or_off_changes_no_other(ann, anthropic, mcp_database, mcp_settings, server):
    await ann.post(f"{SETTINGS}/codex", json=CODEX)
    await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": await consented(ann, anthropic)})
    assert (await ann.post(f"{SETTINGS}/custom", json={"name": "mine", **server.body})).status_code == 201
    off = await ann.patch(f"{SETTINGS}/codex/toggle")
    assert (off.status_code, off.json()["is_active"]) == (200, False), off.text
    on = {item["tool_type"]: item["is_active"] for item in (await ann.get(SETTINGS)).json()["items"]}
    assert on == {"codex": False, "claude-code": True, "mine": True}
    placed = await files(mcp_database, mcp_settings)
    assert {path for path, content in placed.items() if content} == {"/home/user/.claude/.credentials.json"}
    assert placed["/home/user/.codex/auth.json"] is None  # to be removed
    again = await ann.patch(f"{SETTINGS}/codex/toggle", json={"is_active": True})
    assert again.json()["is_active"] is True
    pages = [(await ann.get(SETTINGS, params={"page": page, "size": 2})).json() for page in (1, 2)]
    assert [[item["tool_type"] for item in page["items"]] for page in pages] == [["claude-code", "codex"], ["mine"]]
    assert {page["total"] for page in pages} == {3}
    assert (await ann.delete(f"{SETTINGS}/codex")).status_code == 204
    assert (await ann.delete(f"{SETTINGS}/codex")).status_code == 404


async def test_claude_code_is_signed_in_to_by_a_code_and_its_verifier(ann, anthropic, mcp_database, mcp_settings):
    pasted = await consented(ann, anthropic)
    made = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": pasted})
    assert made.status_code == 201, made.text
    assert made.json()["access_token"].startswith("********")
    assert made.json()["scopes"] == ["user:profile", "user:inference"]
    sent = anthropic.asked[-1].json
    assert (sent["grant_type"], sent["state"]) == ("authorization_code", sent["code_verifier"])
    placed = json.loads((await files(mcp_database, mcp_settings))["/home/user/.claude/.credentials.json"])
    tokens = placed["claudeAiOauth"]
    assert set(tokens) == {"accessToken", "refreshToken", "expiresAt", "scopes"}
    assert tokens["expiresAt"] > 1_700_000_000_000
    for secret in (tokens["accessToken"], tokens["refreshToken"], pasted.partition("#")[0]):
        assert await found_in(mcp_database, secret) == []
    used = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": pasted})
    assert (used.status_code, used.json()["code"]) == (400, "CLAUDE_CODE_REFUSED")
    assert "secret-body" not in used.text
    other = await consented(ann, anthropic)
    wrong = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": f"{other.partition('#')[0]}#wrong"})
    assert wrong.status_code == 400
    plain = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": "no-verifier"})
    assert (plain.status_code, plain.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_the_same_key_signs_in_once(ann, anthropic):
    body, key = {"authorization_code": await consented(ann, anthropic)}, {"Idempotency-Key": "claude-1"}
    first = await ann.post(f"{SETTINGS}/claude-code", json=body, headers=key)
    again = await ann.post(f"{SETTINGS}/claude-code", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert first.json() == again.json()
    other = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": "other#one"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


@pytest.mark.parametrize(("fault", "status"), [("500", 502), ("429", 503), ("malformed", 502)])
async def test_what_anthropic_fails_at_is_said_and_its_words_are_not(ann, anthropic, fault, status):
    pasted = await consented(ann, anthropic)
    anthropic.fault, anthropic.faults = fault, 1
    answer = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": pasted})
    assert answer.status_code == status, answer.text
    assert "secret-body" not in answer.text
    assert (await ann.get(f"{SETTINGS}/claude-code")).status_code == 404


async def test_tokens_are_refreshed_before_they_expire_and_through_failures(ann, anthropic, mcp_database, mcp_settings):
    early = mcp_settings.claude_code.refresh_early_seconds
    anthropic.lifetime = int(early) + 2  # due two seconds after the sign-in
    await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": await consented(ann, anthropic)})
    before = (await files(mcp_database, mcp_settings))["/home/user/.claude/.credentials.json"]
    anthropic.lifetime, anthropic.fault, anthropic.faults = 8 * 3600, "500", 2
    await until(lambda: asyncio.sleep(0, anthropic.refreshed), seconds=60)

    async def replaced():
        return (await files(mcp_database, mcp_settings))["/home/user/.claude/.credentials.json"] != before

    await until(replaced, seconds=20)
    assert json.loads(before)["claudeAiOauth"]["refreshToken"] == anthropic.refreshed[-1]
    assert (await ann.get(f"{SETTINGS}/claude-code")).json()["error"] is None
    await replayed(mcp_settings, await user_id(mcp_database))


async def replayed(settings, user: int) -> None:
    """The workflow that refreshed is deterministic, and holds no token."""
    temporal = await connect(settings)
    history = await temporal.get_workflow_handle(f"refresh-claude-code-{user}").fetch_history()
    assert "sk-ant" not in history.to_json()
    replayer = Replayer(
        workflows=[RefreshClaudeCodeWorkflow],
        workflow_runner=strict_runner(),
        data_converter=temporal.data_converter,
    )
    await replayer.replay_workflow(history)


async def test_a_sign_in_that_was_revoked_is_said_and_its_file_withdrawn(ann, anthropic, mcp_database, mcp_settings):
    anthropic.lifetime = int(mcp_settings.claude_code.refresh_early_seconds) + 1
    await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": await consented(ann, anthropic)})
    anthropic.revoke()

    async def told():
        return (await ann.get(f"{SETTINGS}/claude-code")).json()["error"]

    assert "Sign in to Claude Code again" in await until(told, seconds=60)
    assert await files(mcp_database, mcp_settings) == {"/home/user/.claude/.credentials.json": None}
    anthropic.lifetime = 8 * 3600
    anew = await ann.post(f"{SETTINGS}/claude-code", json={"authorization_code": await consented(ann, anthropic)})
    assert (anew.status_code, anew.json()["error"]) == (200, None)


async def test_a_server_of_one_s_own_serves_one_s_own_chats_alone(ann, ben, server, fake_model):
    made = await ann.post(f"{SETTINGS}/custom", json={"name": "mine", **server.body})
    assert (made.status_code, made.json()["tool_type"]) == (201, "mine"), made.text
    assert made.headers["location"] == "/api/v1/agent/user-settings/mcp/mine"
    assert (await ann.get(f"{SETTINGS}/mine")).json() == made.json()
    _, events = await chat(ann, '[tool:mcp__mine__echo {"text": "x"}]')
    assert results(events) == ["echo: x"]
    await chat(ben, "[say=x]")
    assert "mcp__mine__echo" not in offered(fake_model)
    await ann.patch(f"{SETTINGS}/mine/toggle", json={"is_active": False})
    await chat(ann, "[say=x]")
    assert "mcp__mine__echo" not in offered(fake_model)


async def test_a_secret_of_one_s_own_server_is_kept_by_its_mask(ann):
    async with FakeMcp(token="canary-of-a-custom-77aa") as guarded:
        made = await ann.post(f"{SETTINGS}/custom", json={"name": "mine", **guarded.body})
        assert made.json()["headers"] == {"Authorization": "********77aa"}
        back = {"url": guarded.url, "headers": made.json()["headers"], "timeout_seconds": 3}
        changed = await ann.put(f"{SETTINGS}/custom/mine", json=back)
        assert (changed.status_code, changed.json()["timeout_seconds"]) == (200, 3), changed.text


async def test_somebody_else_s_setting_is_like_none_at_all(ann, ben, server):
    await ann.post(f"{SETTINGS}/codex", json=CODEX)
    await ann.post(f"{SETTINGS}/custom", json={"name": "mine", **server.body})
    asked = [
        (method, path)
        for name in ("codex", "mine", "none")
        for method, path in (("GET", name), ("DELETE", name), ("PATCH", f"{name}/toggle"))
    ]
    for method, path in asked:
        answer = await ben.request(method, f"{SETTINGS}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), (method, path, answer.text)
    changed = await ben.put(f"{SETTINGS}/custom/mine", json=server.body)
    assert changed.status_code == 404
    assert (await ben.get(SETTINGS)).json()["total"] == 0
    assert (await ann.get(SETTINGS)).json()["total"] == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("codex", {**CODEX, "user_id": 1}),
        ("codex", {**CODEX, "is_active": True}),
        ("codex", {**CODEX, "model_reasoning_effort": "very"}),
        ("codex", {**CODEX, "apikey": "a b"}),
        ("codex", {**CODEX, "model": 'x"\n[evil]'}),
        ("claude-code", {"authorization_code": "a#b", "user_id": 1}),
        ("claude-code", {"authorization_code": "a#b", "expires_at": None}),
        ("custom", {"name": "codex", "url": "https://example.com/mcp"}),
        ("custom", {"name": "custom", "url": "https://example.com/mcp"}),
        ("custom", {"name": "../x", "url": "https://example.com/mcp"}),
        ("custom", {"name": "x", "url": "http://169.254.169.254/"}),
        ("custom", {"name": "x", "transport": "stdio", "command": "sh"}),
        ("custom", {"name": "x"}),
    ],
)
async def test_what_no_setting_can_be_is_a_400(ann, path, body):
    answer = await ann.post(f"{SETTINGS}/{path}", json=body)
    assert answer.status_code == 400, answer.text
    assert (await ann.get(SETTINGS)).json()["total"] == 0
