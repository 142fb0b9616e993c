"""Agents that work in a sandbox: through HTTP and Temporal, against the embedded host and a scripted model."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.domain.attachments import attachment_path
from agents_backend.domain.errors import SandboxTimeout, SandboxUnavailable
from agents_backend.integrations.sandboxes import Boxes
from agents_backend.services.sandbox_reach import NO_SANDBOXES
from agents_backend.services.seeds import seed
from agents_backend.settings import E2BSettings, ModelConfig, ModelSettings, SandboxSettings, Settings
from tests.conftest import running_stack, settings_for
from tests.fakes.openai_server import FakeOpenAI
from tests.running import running_worker
from tests.sandbox_host.running_host import RunningHost
from tests.sandboxes.conftest import add_user, e2b_of, serving, signed_in
from tests.streams import CHAT, body, read

AGENT = "/agent/agent/stream"
TOOLS = {"shell_run", "shell_start", "file_read", "file_write", "file_edit", "port_register", "save_artifact"}
LARGEST = 2_000_000  # bytes of a file that goes into a sandbox


@pytest.fixture(scope="module")
async def model() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module")
async def agent_settings(host: RunningHost, model: FakeOpenAI, tmp_path_factory) -> AsyncIterator[Settings]:
    """On servers of its own: the session's worker, which knows another model, would take its runs."""
    config = ModelConfig(name="fake", model="fake", base_url=model.base_url)
    async with running_stack() as stack:
        yield settings_for(
            stack,
            e2b=e2b_of(host),
            sandboxes=SandboxSettings(per_user=60, max_file_bytes=LARGEST),
            models=ModelSettings(list=(config,)),
            data_dir=tmp_path_factory.mktemp("data"),
        )


@pytest.fixture(scope="module")
async def agent_url(agent_settings: Settings) -> AsyncIterator[str]:
    await asyncio.to_thread(upgrade, agent_settings.database.url.get_secret_value())
    async with Database(agent_settings.database) as database:
        await seed(database, agent_settings)
        await add_user(database, "stranger")
    async with running_worker(agent_settings, ["chat", "sandbox"]), serving(agent_settings) as url:
        yield url


@pytest.fixture
async def client(agent_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(agent_url) as client:
        yield client


@pytest.fixture
async def stranger(agent_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(agent_url, "stranger") as client:
        yield client


def call(name: str, /, **arguments) -> str:
    return f"[toolloop=99 {name} {json.dumps(arguments)}]"


async def work(client: httpx.AsyncClient, model: FakeOpenAI, *script: str, path: str = AGENT, **more):
    """A run whose model does what the script says, a request each, and then says `done`; its thread, run and events."""
    model.script(*script, "[say=done]")
    async with client.stream("POST", path, json=body("do it", **more)) as response:
        assert response.status_code == 200, await response.aread()
        events = [event for _, event in await read(response)]
    assert events[-1]["type"] == "RUN_FINISHED", events[-1]
    return response.headers["X-Thread-Id"], response.headers["X-Run-Id"], events


def results(events: list[dict]) -> list[str]:
    return [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]


def made(events: list[dict]) -> list[str]:
    return [event["value"]["sandbox_id"] for event in events if event.get("name") == "sandbox.created"]


async def living(client: httpx.AsyncClient) -> set[str]:
    found = (await client.get("/agent/sandboxes", params={"size": 200})).json()["items"]
    alive = [item for item in found if item["status"] in {"creating", "running", "paused"}]
    return {item["sandbox_id"] for item in alive}


async def test_a_program_is_written_fails_is_fixed_runs_and_is_handed_over(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    path = "/home/user/app/sum.py"
    _, run_id, events = await work(
        client,
        model,
        call("file_write", path=path, content="print(sum([1, 2, '3']))\n"),
        call("shell_run", command="python3 sum.py", cwd="/home/user/app"),
        call("file_edit", path=path, old="'3'", new="3"),
        call("shell_run", command="python3 sum.py | tee result.txt", cwd="/home/user/app"),
        call("file_list", path="/home/user/app"),
        call("file_read", path=path),
        call("save_artifact", path="/home/user/app/result.txt"),
    )
    *answers, saved = results(events)
    wrote, failed, fixed, ran, listed, seen = map(json.loads, answers)
    assert wrote == {"path": path, "size": 24}
    assert failed["exit_code"] == 1
    assert "TypeError" in failed["output"]
    assert fixed["replacements"] == 1
    assert (ran["exit_code"], ran["output"]) == (0, "6\n")
    assert "result.txt" in json.dumps(listed)
    assert seen["content"] == "print(sum([1, 2, 3]))\n"
    assert saved.startswith("result.txt (2 bytes) is saved")
    assert len(made(events)) == 1
    run = (await client.get(f"/agent/runs/{run_id}")).json()
    assert (run["kind"], run["agent_name"], run["status"]) == ("agent", "coder", "succeeded")
    assert [(a["name"], a["media_type"]) for a in run["artifacts"]] == [("result.txt", "text/plain")]
    file = await client.get(f"/agent/runs/{run_id}/artifacts/result.txt")
    assert (file.status_code, file.content) == (200, b"6\n")


async def attach(client: httpx.AsyncClient, name: str, data: bytes) -> tuple[str, str]:
    """A staged file's id, and its path in sandboxes."""
    file = (await client.post("/agent/files/upload", files={"file": (name, data)})).json()
    return file["id"], attachment_path(uuid.UUID(file["id"]), name)


def told_to_the(model: FakeOpenAI) -> str:
    return str([message["content"] for message in model.requests[-1]["messages"] if message["role"] == "user"])


async def test_what_the_user_attached_is_in_the_sandbox_before_the_first_command(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    csv_id, path = await attach(client, "a b.csv", b"n\n1\n2\n39\n")
    program = "import csv, sys; print(sum(int(row['n']) for row in csv.DictReader(open(sys.argv[1]))))"
    total = call("shell_run", command=f'python3 -c "{program}" "{path}"; echo changed > "{path}"')
    thread, _, events = await work(client, model, total, file_ids=[csv_id])
    assert json.loads(results(events)[0])["output"] == "42\n"
    [sandbox] = made(events)
    steps = [event.get("name") or event["type"] for event in events]
    assert steps.index("sandbox.created") < steps.index("attachment.copied") < steps.index("TOOL_CALL_RESULT")
    copied = [event["value"] for event in events if event.get("name") == "attachment.copied"]
    assert copied == [{"sandbox_id": sandbox, "file_id": csv_id, "name": "a b.csv", "path": path}]
    assert f"in the sandbox at {path}" in told_to_the(model)

    data = b"\x00binary\xff" * 200_000
    more_id, more = await attach(client, "a b.csv", data)
    look = call("shell_run", command=f'cat "{path}"; sha256sum < "{more}"; find uploads -type f | wc -l')
    *_, later = await work(client, model, look, thread_id=thread, file_ids=[more_id])
    assert json.loads(results(later)[0])["output"] == f"changed\n{hashlib.sha256(data).hexdigest()}  -\n2\n"


async def test_what_was_attached_before_there_was_a_sandbox_comes_whole_into_whichever_the_run_works_in(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    kept, path = await attach(client, "kept.txt", b"here")
    gone, _ = await attach(client, "gone.txt", b"there")
    thread, _, events = await work(client, model, file_ids=[kept, gone])
    assert made(events) == []
    assert (await client.delete(f"/agent/files/{gone}")).status_code == 204
    chosen = (await client.post("/agent/sandboxes", json={})).json()["sandbox_id"]
    half = {"sandbox_id": chosen, "path": path, "content": "he"}  # what a worker left that died while it copied
    assert (await client.post("/agent/sandboxes/write-file", json=half)).is_success
    read_it = call("shell_run", command=f"cat {path}")
    *_, events = await work(client, model, read_it, read_it, thread_id=thread, session_id=chosen)
    first, second = results(events)
    notice, _, answer = first.partition("\n")
    assert notice == "gone.txt is not in the sandbox: the user has deleted it."
    assert (json.loads(answer)["output"], json.loads(second)["output"]) == ("here", "here")


async def test_an_attached_file_that_is_too_large_for_the_sandbox_is_told_to_the_model_and_the_user(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    large, _ = await attach(client, "large.bin", b"\xff" * (LARGEST + 1))
    run = call("shell_run", command="ls uploads | wc -l")
    *_, events = await work(client, model, run, run, file_ids=[large])
    first, second = results(events)
    notice, _, answer = first.partition("\n")
    assert notice == "large.bin is not in the sandbox: it has 2,000,001 bytes, and 2,000,000 are the most."
    assert [json.loads(text)["output"][-2:] for text in (answer, second)] == ["0\n", "0\n"]
    [refused] = [event["value"] for event in events if event.get("name") == "attachment.refused"]
    assert (refused["file_id"], refused["reason"]) == (large, notice)
    assert "too large for the sandbox, which takes 2,000,000 bytes" in told_to_the(model)


async def test_an_attached_file_for_which_there_is_no_room_comes_when_there_is_some(
    client: httpx.AsyncClient, model: FakeOpenAI, host: RunningHost
):
    host.skip_without_quotas()
    sandbox = (await client.post("/agent/sandboxes", json={})).json()["sandbox_id"]
    left = "$(( $(df --output=avail -B1 . | tail -1) - 400000 ))"
    fill = {"sandbox_id": sandbox, "command": f"fallocate -l {left} fill || head -c 2G /dev/zero > fill"}
    assert (await client.post("/agent/sandboxes/run-command", json=fill)).is_success
    file_id, path = await attach(client, "wide.bin", b"\xff" * 1_500_000)
    free = call("shell_run", command="rm fill; find uploads -type f | wc -l")
    size = call("shell_run", command=f"wc -c < {path}")
    *_, events = await work(client, model, free, size, file_ids=[file_id], session_id=sandbox)
    first, second = results(events)
    notice, _, answer = first.partition("\n")
    assert notice.startswith("wide.bin is not in the sandbox: its disk has no room for 1,500,000 bytes.")
    assert (json.loads(answer)["output"][-2:], json.loads(second)["output"]) == ("0\n", "1500000\n")
    named = [event["name"] for event in events if event["type"] == "CUSTOM"]
    assert (named.index("attachment.refused"), named.count("attachment.copied")) == (0, 1)


async def test_a_thread_has_one_sandbox_however_many_calls_ask_at_once_and_later_runs_find_it(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    before = await living(client)
    at_once = " ".join(call("shell_run", command=f"echo {n} > /home/user/{n}.txt") for n in range(4))
    thread, _, events = await work(client, model, at_once)
    assert [json.loads(text)["exit_code"] for text in results(events)] == [0] * 4
    [sandbox] = made(events)
    assert await living(client) - before == {sandbox}
    _, _, later = await work(client, model, call("shell_run", command="cat *.txt"), thread_id=thread)
    assert [json.loads(text)["output"] for text in results(later)] == ["0\n1\n2\n3\n"]
    assert made(later) == []
    assert await living(client) - before == {sandbox}


async def test_edits_of_one_file_that_are_made_at_once_are_all_kept(client: httpx.AsyncClient, model: FakeOpenAI):
    path = "/home/user/list.txt"
    edits = " ".join(call("file_edit", path=path, old=f"<{n}>", new=f"({n})") for n in range(6))
    write = call("file_write", path=path, content="".join(f"<{n}>" for n in range(6)))
    *_, events = await work(client, model, write, edits, call("file_read", path=path))
    assert json.loads(results(events)[-1])["content"] == "".join(f"({n})" for n in range(6))


async def test_no_sandbox_is_made_where_no_tool_needs_one(client: httpx.AsyncClient, model: FakeOpenAI):
    before = await living(client)
    *_, events = await work(client, model, call("current_time"))
    assert len(results(events)) == 1
    assert made(events) == []
    assert await living(client) == before
    offered = {tool["function"]["name"] for tool in model.requests[-1]["tools"]}
    assert offered >= TOOLS


async def test_a_chat_is_offered_none_of_the_sandbox_s_tools(client: httpx.AsyncClient, model: FakeOpenAI):
    before = await living(client)
    *_, events = await work(client, model, call("shell_run", command="id"), path=CHAT, agent_name="coder")
    assert results(events)[0].startswith("There is no tool named shell_run.")
    assert not TOOLS & {tool["function"]["name"] for tool in model.requests[-1]["tools"]}
    assert await living(client) == before


@pytest.mark.parametrize("by", ["session_id", "sandbox_id"])
async def test_a_run_works_in_the_sandbox_that_its_request_names(client: httpx.AsyncClient, model: FakeOpenAI, by: str):
    sandbox = (await client.post("/agent/sandboxes", json={"session_id": f"mine-{by}"})).json()["sandbox_id"]
    chosen = f"mine-{by}" if by == "session_id" else sandbox
    *_, events = await work(client, model, call("shell_run", command="echo here > mark"), session_id=chosen)
    assert made(events) == []
    mark = await client.post("/agent/sandboxes/read-file", json={"sandbox_id": sandbox, "path": "/home/user/mark"})
    assert mark.json()["content"] == "here\n"


async def test_somebody_else_s_sandbox_is_like_none_and_one_that_is_deleted_too(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
):
    sandbox = (await client.post("/agent/sandboxes", json={"session_id": "private"})).json()["sandbox_id"]
    none = await stranger.post(AGENT, json=body("x", session_id="there-is-none"))
    for name in ("private", sandbox):
        refused = await stranger.post(AGENT, json=body("x", session_id=name))
        assert (refused.status_code, refused.json()["code"]) == (404, "SANDBOX_NOT_FOUND")
        assert refused.json()["detail"] == none.json()["detail"]
    assert (await stranger.get("/agent/threads")).json()["total"] == 0
    assert (await client.delete(f"/agent/sandboxes/{sandbox}")).status_code == 204
    assert (await client.post(AGENT, json=body("x", session_id=sandbox))).status_code == 404


async def test_nobody_who_is_not_signed_in_starts_an_agent(agent_url: str):
    async with httpx.AsyncClient(base_url=agent_url) as anybody:
        assert (await anybody.post(AGENT, json=body("x"))).status_code == 401


async def test_a_sandbox_that_died_is_told_to_the_model_with_what_was_lost(
    client: httpx.AsyncClient, model: FakeOpenAI, boxes: Boxes
):
    thread, _, events = await work(client, model, call("file_write", path="/home/user/kept", content="x"))
    [sandbox] = made(events)
    [box] = await boxes.of_owner(sandbox)
    await boxes.kill(box.id)
    read_it = call("file_read", path="/home/user/kept")
    *_, later = await work(client, model, read_it, read_it, read_it, thread_id=thread)
    dead, fresh, plain = results(later)
    assert dead.startswith("The sandbox is gone, with all its files.")
    assert fresh.startswith(f"The earlier sandbox {sandbox} is gone")
    assert fresh.endswith("/home/user/kept does not exist.")
    assert plain.endswith("/home/user/kept does not exist.")
    assert len(made(later)) == 1
    assert made(later) != [sandbox]


async def test_what_a_tool_cannot_do_is_told_to_the_model(client: httpx.AsyncClient, model: FakeOpenAI):
    path = "/home/user/twice.txt"
    *_, events = await work(
        client,
        model,
        call("file_write", path=path, content="a a"),
        call("file_edit", path=path, old="a", new="b"),
        call("file_write", path="relative.txt", content=""),
        call("shell_run", command="true", timeout_seconds=100_000),
        call("save_artifact", path="/home/user"),
        call("shell_run", command="echo begun; sleep 60", timeout_seconds=1),
        call("shell_run", command="echo first; yes | head -c 200000; echo last"),
    )
    told = results(events)
    assert "2 times" in told[1]
    assert "absolute" in told[2]
    assert "timeout_seconds" in told[3]
    assert "folder" in told[4]
    late = json.loads(told[5])
    assert (late["timed_out"], late["output"]) == (True, "begun\n")
    assert len(told[6]) < 50_000
    flood = json.loads(told[6])["output"]
    assert flood.startswith("first\n")
    assert flood.endswith("last\n")


async def test_a_server_in_the_background_is_reached_through_its_port(
    client: httpx.AsyncClient, model: FakeOpenAI, host: RunningHost
):
    *_, events = await work(
        client,
        model,
        call("shell_start", command="echo hello > index.html; exec python3 -m http.server 8123"),
        call("port_register", port=8123, name="page"),
    )
    begun, registered = results(events)
    assert json.loads(begun)["running"] is True
    [sandbox] = made(events)
    shown = (await client.post(f"/agent/sandboxes/{sandbox}/expose-port", json={"port": 8123})).json()
    assert shown["url"] in registered.splitlines()
    assert shown["access_token"] not in registered
    name = shown["url"].removeprefix("http://").partition(":")[0]
    headers = {"Host": name, "e2b-traffic-access-token": shown["access_token"]}
    async with httpx.AsyncClient(headers=headers) as browser, asyncio.timeout(30):
        while (page := await browser.get(f"http://127.0.0.1:{host.port}/")).status_code != 200:
            await asyncio.sleep(0.05)
    assert page.text == "hello\n"


async def test_a_run_is_offered_the_tools_of_its_own_sandbox_s_server(client: httpx.AsyncClient, model: FakeOpenAI):
    thread, _, events = await work(client, model, call("shell_run", command="true"))
    [sandbox] = made(events)
    urls = (await client.get(f"/agent/sandboxes/{sandbox}/urls")).json()
    own = urls["mcp_url"].removeprefix("http://")
    headers = {"Host": own, "e2b-traffic-access-token": urls["access_token"]}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"http://127.0.0.1:{own.rpartition(':')[2]}/mcp", http_client=http)) as box,
    ):
        there = {tool.name for tool in (await box.list_tools()).tools}
    await work(client, model, thread_id=thread)
    assert {tool["function"]["name"] for tool in model.requests[-1]["tools"]} >= there


async def test_a_slide_that_an_agent_writes_is_the_user_s_at_once(client: httpx.AsyncClient, model: FakeOpenAI):
    slide = {"presentation_name": "Q3", "slide_number": 1, "title": "Results", "content": "<h1>Results</h1>"}
    *_, events = await work(client, model, call("slide_write", **slide))
    [sandbox] = made(events)
    await client.post(f"/agent/sandboxes/{sandbox}/pause")
    [found] = (await client.get(f"/agent/sandboxes/{sandbox}/slides")).json()["items"]
    assert {name: found[name] for name in slide} == slide


def slide(content: str) -> dict:
    return {"presentation_name": "Q3", "slide_number": 1, "title": "Results", "content": content}


async def a_slide(client: httpx.AsyncClient, model: FakeOpenAI) -> tuple[str, str]:
    """The thread of an agent that wrote a slide, and the slide's path."""
    thread, _, events = await work(client, model, call("slide_write", **slide("<p>the agent's first</p>")))
    where = f"/agent/sandboxes/{made(events)[0]}/slides"
    [found] = (await client.get(where)).json()["items"]
    return thread, f"{where}/{found['slide_id']}"


async def test_of_a_user_and_an_agent_who_change_a_slide_in_turns_each_is_refused_and_told_what_stands(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    thread, where = await a_slide(client, model)
    mine = await client.put(where, json={"content": "<p>the user's</p>", "version": 1})
    assert (mine.status_code, mine.json()["mirrored"]) == (200, True)
    again = call("slide_write", **slide("<p>both</p>"))
    *_, events = await work(client, model, call("slide_write", **slide("<p>blind</p>")), again, thread_id=thread)
    refused, written = results(events)
    assert "is not what you last read or wrote" in refused
    assert refused.endswith("Title: Results\nPage:\n<p>the user's</p>")
    assert json.loads(written)["slide_number"] == 1
    stale = await client.put(where, json={"content": "<p>late</p>", "version": 2})
    assert (stale.status_code, stale.json()["code"]) == (409, "SLIDE_CHANGED")
    found = (await client.get(where)).json()
    assert (found["version"], found["content"], found["mirrored"]) == (3, "<p>both</p>", True)
    await client.put(where, json={"content": "<p>the user's last</p>"})
    blind = call("shell_run", command="echo '<p>a program</p>' > slides/Q3/001.html")
    look = call("shell_run", command="cat slides/Q3/put-aside-*")
    *_, events = await work(client, model, blind, look, thread_id=thread)
    over, kept = results(events)
    assert "You wrote over slide 1 of Q3, which the user had changed: the user's page is in /home/user/slides/" in over
    assert json.loads(kept)["output"].endswith("<p>the user's last</p>")


async def test_of_a_user_and_an_agent_who_change_a_slide_at_once_one_does_and_the_other_knows(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    thread, where = await a_slide(client, model)
    for n in range(3):
        version = (await client.get(where)).json()["version"]
        pages = {"agent": f"<p>the agent's {n}</p>", "user": f"<p>the user's {n}</p>"}
        (*_, events), put = await asyncio.gather(
            work(client, model, call("slide_write", **slide(pages["agent"])), thread_id=thread),
            client.put(where, json={"content": pages["user"], "version": version}),
        )
        found, [told] = (await client.get(where)).json(), results(events)
        if put.status_code == 409:
            assert (found["content"], json.loads(told)["slide_number"]) == (pages["agent"], 1)
        else:
            assert (put.status_code, found["content"], pages["user"] in told) == (200, pages["user"], True)
        assert found["mirrored"] is True


async def test_a_slide_that_the_user_deleted_is_not_written_again_unknowingly_and_an_edited_one_not_deleted(
    client: httpx.AsyncClient, model: FakeOpenAI
):
    thread, where = await a_slide(client, model)
    await client.put(where, json={"content": "<p>the user's</p>"})
    place = {"presentation_name": "Q3", "slide_number": 1}
    *_, events = await work(client, model, call("slide_delete", **place), thread_id=thread)
    assert "<p>the user's</p>" in results(events)[0]
    assert (await client.delete(where)).status_code == 204
    write = call("slide_write", **slide("<p>again</p>"))
    *_, events = await work(client, model, write, write, thread_id=thread)
    gone, written = results(events)
    assert "was deleted after you last read or wrote it" in gone
    assert json.loads(written)["slide_number"] == 1
    [found] = (await client.get(where.rpartition("/")[0])).json()["items"]
    assert found["content"] == "<p>again</p>"


async def test_a_run_that_is_cancelled_stops_its_command(client: httpx.AsyncClient, model: FakeOpenAI):
    thread, _, events = await work(client, model, call("shell_run", command="true"))
    [sandbox] = made(events)
    begun = "/home/user/begun"
    model.script(call("shell_run", command=f"trap 'echo stopped > ended' TERM; touch {begun}; sleep 150 & wait"))
    async with client.stream("POST", AGENT, json=body("do it", thread_id=thread)) as response:
        run_id = response.headers["X-Run-Id"]
        await present(client, sandbox, begun)
        assert (await client.post(f"/agent/runs/{run_id}/cancel")).is_success
        events = [event for _, event in await read(response)]
    assert events[-1]["outcome"]["type"] == "cancelled", events[-1]
    await present(client, sandbox, "/home/user/ended")
    left = await client.post("/agent/sandboxes/run-command", json={"sandbox_id": sandbox, "command": "pgrep -c sleep"})
    assert left.json()["stdout"] == "0\n"


async def present(client: httpx.AsyncClient, sandbox: str, path: str) -> None:
    """Wait for a file."""
    async with asyncio.timeout(60):
        where = f"/agent/sandboxes/{sandbox}/download"
        while (await client.get(where, params={"path": path})).status_code != 200:
            await asyncio.sleep(0.05)


async def test_where_there_are_no_sandboxes_the_catalogue_and_the_health_say_why(
    agent_settings: Settings, agent_url: str
):
    nowhere = E2BSettings(api_key=SecretStr("key"), api_url="http://127.0.0.1:9", sandbox_url="http://127.0.0.1:9")
    away = {SandboxUnavailable.default_detail, SandboxTimeout.default_detail}
    for e2b, reasons in ((E2BSettings(api_key=None), {NO_SANDBOXES}), (nowhere, away)):
        async with serving(agent_settings.model_copy(update={"e2b": e2b})) as url, signed_in(url) as client:
            config = (await client.get("/agent/config")).json()
            health = await client.get(f"{url.removesuffix('/api/v1')}/health")
        found = config["sandboxes"]
        assert (found["configured"], found["available"]) == (e2b is nowhere, False)
        assert found["reason"] in reasons
        assert (health.status_code, health.json()["sandboxes"]) == (200, found)
        of_tools = {tool["name"]: tool["reason"] for tool in config["tools"] if tool["name"] in TOOLS}
        assert of_tools == dict.fromkeys(TOOLS, None if e2b is nowhere else NO_SANDBOXES)
    async with signed_in(agent_url) as client:
        config = (await client.get("/agent/config")).json()
    assert config["sandboxes"] == {"configured": True, "available": True, "reason": None}
    assert {tool["reason"] for tool in config["tools"] if tool["name"] in TOOLS} == {None}
