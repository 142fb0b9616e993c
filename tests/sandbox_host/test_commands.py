"""The genuine SDK's commands and terminals."""

import asyncio
import time

import httpx
import psutil
import pytest
from e2b import AsyncSandbox, Sandbox
from e2b.exceptions import (
    InvalidArgumentException,
    NotFoundException,
    SandboxException,
    TimeoutException,
)
from e2b.sandbox.commands.command_handle import CommandExitException, PtySize

from tests.sandbox_host.running_host import RunningHost, eventually

# A process may end between the listing and the reading of its name.
PROCESSES = "cat /proc/[0-9]*/comm 2>/dev/null || true"


@pytest.fixture
async def box(host: RunningHost):
    async with await AsyncSandbox.create(timeout=300, **host.options) as sandbox:
        yield sandbox


def test_a_command_gives_its_output_and_its_code(sandbox: Sandbox):
    done = sandbox.commands.run("echo out; echo err >&2")
    assert (done.stdout, done.stderr, done.exit_code) == ("out\n", "err\n", 0)
    with pytest.raises(CommandExitException) as failed:
        sandbox.commands.run("echo before; exit 3")
    assert (failed.value.exit_code, failed.value.stdout) == (3, "before\n")
    with pytest.raises(CommandExitException) as killed:
        sandbox.commands.run("kill -9 $$")
    assert (killed.value.exit_code, killed.value.error) == (-1, "signal: killed")


def test_environment_folder_and_user(sandbox: Sandbox):
    done = sandbox.commands.run("echo $A; pwd; id -un", envs={"A": "b c"}, cwd="/tmp", user="user")
    assert done.stdout == "b c\n/tmp\nuser\n"
    with pytest.raises(InvalidArgumentException, match="/nowhere"):
        sandbox.commands.run("true", cwd="/nowhere")
    with pytest.raises(SandboxException, match="root"):
        sandbox.commands.run("true", user="root")
    with pytest.raises(InvalidArgumentException, match="stranger"):
        sandbox.commands.run("true", user="stranger")


def test_interpreters_and_tools_are_there(sandbox: Sandbox):
    done = sandbox.commands.run(
        "python3 -c 'import ssl, sqlite3, sys; print(sys.version_info >= (3, 11))'; bash --version | head -1"
    )
    assert done.stdout.startswith("True\nGNU bash")


def test_a_command_that_takes_too_long_is_ended_with_its_children(sandbox: Sandbox):
    with pytest.raises(TimeoutException):
        sandbox.commands.run("sleep 4321 & sleep 1234; echo never", timeout=0.3)
    eventually(lambda: "sleep" not in sandbox.commands.run(PROCESSES).stdout)


def test_a_background_command_is_listed_fed_and_ended(sandbox: Sandbox):
    command = sandbox.commands.run("cat; echo over", background=True, stdin=True)
    assert command.pid in {process.pid for process in sandbox.commands.list()}
    sandbox.commands.send_stdin(command.pid, "hello\n")
    sandbox.commands.close_stdin(command.pid)
    assert command.wait().stdout == "hello\nover\n"
    assert command.pid not in {process.pid for process in sandbox.commands.list()}
    assert sandbox.commands.kill(command.pid) is False
    with pytest.raises(NotFoundException):
        sandbox.commands.connect(command.pid)


def test_input_is_refused_where_none_is_taken(sandbox: Sandbox):
    command = sandbox.commands.run("sleep 100", background=True)
    with pytest.raises(InvalidArgumentException, match="stdin"):
        sandbox.commands.send_stdin(command.pid, "x")
    assert command.kill()
    with pytest.raises(CommandExitException):
        command.wait()


def test_a_command_that_starts_a_server_comes_back(sandbox: Sandbox):
    started = time.monotonic()
    assert sandbox.commands.run("sleep 500 & echo started").stdout == "started\n"
    assert time.monotonic() - started < 60  # not the 500 s for which the child holds the pipes
    sandbox.commands.run("pkill sleep")


def test_a_mebibyte_of_output_comes_whole(sandbox: Sandbox):
    done = sandbox.commands.run("head -c 3000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero | tr '\\0' y >&2")
    assert (len(done.stdout), len(done.stderr)) == (3_000_000, 100_000)


def test_git_works_on_its_own(sandbox: Sandbox):
    if sandbox.commands.run("command -v git || true").stdout == "":
        pytest.skip("git is not installed on this machine")
    script = "git init -q r && cd r && git config user.email a@b && git config user.name a && echo 1 > f && git add f && git commit -qm x"
    sandbox.commands.run(script)
    assert sandbox.commands.run("git log --format=%s", cwd="r").stdout == "x\n"


async def test_output_streams_while_the_command_runs(box: AsyncSandbox):
    seen: asyncio.Queue[str] = asyncio.Queue()
    errors: list[str] = []
    command = await box.commands.run(
        "echo one; read x; echo two; echo bad >&2",
        background=True,
        stdin=True,
        on_stdout=seen.put_nowait,
        on_stderr=errors.append,
    )
    assert await asyncio.wait_for(seen.get(), 20) == "one\n"
    await command.send_stdin("go\n")
    assert await asyncio.wait_for(seen.get(), 20) == "two\n"
    await command.wait()
    assert errors == ["bad\n"]


async def test_a_listener_leaves_and_another_joins_the_same_command(box: AsyncSandbox):
    command = await box.commands.run("while read line; do echo got $line; done", background=True, stdin=True)
    await command.disconnect()
    seen: list[str] = []
    again = await box.commands.connect(command.pid, on_stdout=seen.append)
    await box.commands.send_stdin(command.pid, "a\nb\n")
    await box.commands.close_stdin(command.pid)
    done = await again.wait()
    assert done.stdout == "got a\ngot b\n"
    assert "".join(seen) == "got a\ngot b\n"


async def test_a_command_outlives_its_caller(box: AsyncSandbox):
    command = await box.commands.run("sleep 0.5; echo done > result", background=True)
    await command.disconnect()
    while not await box.files.exists("result"):
        await asyncio.sleep(0.05)
    assert await box.files.read("result") == "done\n"


async def test_a_deadline_holds_when_the_caller_has_left(box: AsyncSandbox):
    command = await box.commands.run("sleep 1000", background=True, timeout=1)
    await command.disconnect()
    assert command.pid in {process.pid for process in await box.commands.list()}
    async with asyncio.timeout(30):
        while await box.commands.list():
            await asyncio.sleep(0.05)


async def test_a_reader_that_does_not_read_makes_the_command_wait_and_the_host_keep_little(
    host: RunningHost, box: AsyncSandbox
):
    body = b'{"process": {"cmd": "/bin/bash", "args": ["-c", "yes"]}}'
    head = (
        f"POST /process.Process/Start HTTP/1.1\r\nHost: x\r\nE2b-Sandbox-Id: {box.sandbox_id}\r\nE2b-Sandbox-Port: 49983\r\n"
        f"X-Access-Token: {box._envd_access_token}\r\nContent-Type: application/connect+json\r\nConnect-Protocol-Version: 1\r\n"
        f"Content-Length: {len(body) + 5}\r\n\r\n"
    )
    before = psutil.Process(host.process.pid).memory_info().rss
    _, writer = await asyncio.open_connection("127.0.0.1", host.port, limit=1024)
    writer.write(head.encode() + b"\0" + len(body).to_bytes(4, "big") + body)
    seen: set[int] = set()
    async with asyncio.timeout(60):
        while True:  # until the command writes no more: its output is stuck where it should be
            (running,) = await box.commands.list() or (None,)
            stat = await box.commands.run(f"cat /proc/{running.pid}/io 2>/dev/null || true") if running else None
            written = int(stat.stdout.split("wchar: ")[1].split()[0]) if stat and "wchar" in stat.stdout else -1
            if written > 0 and written in seen:
                break
            seen.add(written)
            await asyncio.sleep(0.2)
    assert psutil.Process(host.process.pid).memory_info().rss - before < 50_000_000
    assert (await box.commands.run("echo others go on")).stdout == "others go on\n"
    writer.close()


async def test_input_streams_in_order(box: AsyncSandbox):
    command = await box.commands.run("cat", background=True, stdin=True)
    async with box.commands.stream_input(command.pid) as feed:
        for number in range(50):
            await feed.send(f"{number}\n")
    await box.commands.close_stdin(command.pid)
    assert (await command.wait()).stdout == "".join(f"{number}\n" for number in range(50))


async def test_a_terminal_is_one(box: AsyncSandbox):
    seen = bytearray()
    terminal = await box.pty.create(PtySize(rows=33, cols=99), on_data=seen.extend, cwd="/tmp", envs={"WHO": "pty"})

    async def until(text: bytes) -> None:
        async with asyncio.timeout(20):
            while text not in seen:
                await asyncio.sleep(0.02)

    await box.pty.send_stdin(terminal.pid, b"stty size; tty; echo $WHO-$PWD\n")
    await until(b"33 99")
    await until(b"/dev/pts/")
    await until(b"pty-/tmp")
    await box.pty.resize(terminal.pid, PtySize(rows=40, cols=120))
    await box.pty.send_stdin(terminal.pid, b"stty size\n")
    await until(b"40 120")
    await box.pty.send_stdin(terminal.pid, b"sleep 1000\n")
    async with asyncio.timeout(20):
        while "sleep" not in (await box.commands.run(PROCESSES)).stdout:
            await asyncio.sleep(0.02)
    await box.pty.send_stdin(terminal.pid, b"\x03")
    await box.pty.send_stdin(terminal.pid, b"echo interrupted $?\n")
    await until(b"interrupted 130")
    assert await box.pty.kill(terminal.pid)


async def test_a_killed_sandbox_ends_what_waits_for_it(box: AsyncSandbox):
    command = await box.commands.run("sleep 1000", background=True)
    await box.kill()
    with pytest.raises((CommandExitException, TimeoutException, SandboxException)):
        await command.wait()
    with pytest.raises(TimeoutException, match="was not found"):
        await box.commands.run("true")


def test_envd_opens_with_the_sandbox_s_token_alone(host: RunningHost, sandbox: Sandbox):
    headers = {"E2b-Sandbox-Id": sandbox.sandbox_id, "E2b-Sandbox-Port": "49983", "Content-Type": "application/json"}
    for token in (None, "wrong"):
        more = {"X-Access-Token": token} if token else {}
        answer = httpx.post(f"{host.url}/process.Process/List", json={}, headers={**headers, **more})
        assert answer.status_code == 401
        assert httpx.get(f"{host.url}/files?path=/etc/passwd", headers={**headers, **more}).status_code == 401
