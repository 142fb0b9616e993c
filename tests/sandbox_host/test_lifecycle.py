"""The genuine SDK's life of a sandbox, sync and async."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from e2b import AsyncSandbox, Sandbox, SandboxQuery, SandboxState
from e2b.exceptions import (
    AuthenticationException,
    InvalidArgumentException,
    NotFoundException,
    SandboxException,
    SandboxNotFoundException,
    TimeoutException,
)

from tests.sandbox_host.running_host import RunningHost, eventually


def test_a_sandbox_is_made_described_and_killed(host: RunningHost):
    before = datetime.now(UTC)
    sandbox = Sandbox.create(timeout=120, metadata={"who": "me"}, envs={"COLOUR": "blue"}, **host.options)
    info = sandbox.get_info()
    assert info.sandbox_id == sandbox.sandbox_id
    assert (info.template_id, info.state, info.metadata) == ("base", SandboxState.RUNNING, {"who": "me"})
    assert before <= info.started_at <= info.end_at
    assert timedelta(seconds=110) < info.end_at - info.started_at < timedelta(seconds=130)
    assert (info.memory_mb, info.cpu_count, info.allow_internet_access) == (256, 2, False)
    assert sandbox.is_running()
    assert sandbox.commands.run("echo $COLOUR").stdout == "blue\n"
    assert sandbox.kill() is True
    assert sandbox.is_running() is False
    assert Sandbox.kill(sandbox.sandbox_id, **host.options) is False
    with pytest.raises(SandboxNotFoundException):
        Sandbox.get_info(sandbox.sandbox_id, **host.options)


async def test_the_async_sdk_does_the_same(host: RunningHost):
    async with await AsyncSandbox.create(timeout=120, metadata={"who": "async"}, **host.options) as sandbox:
        assert (await sandbox.commands.run("echo hello")).stdout == "hello\n"
        again = await AsyncSandbox.connect(sandbox.sandbox_id, timeout=60, **host.options)
        assert (await again.get_info()).metadata == {"who": "async"}
        await sandbox.set_timeout(300)
        info = await sandbox.get_info()
        assert info.end_at - datetime.now(UTC) > timedelta(seconds=250)
    assert await again.is_running() is False


def test_a_connection_extends_and_never_shortens(host: RunningHost, other: Sandbox):
    end = other.get_info().end_at
    Sandbox.connect(other.sandbox_id, timeout=5, **host.options)
    assert other.get_info().end_at == end
    Sandbox.connect(other.sandbox_id, timeout=3000, **host.options)
    assert other.get_info().end_at > end


def test_sandboxes_are_listed_by_state_metadata_and_page(host: RunningHost):
    made = [Sandbox.create(timeout=120, metadata={"group": "listed & ü"}, **host.options) for _ in range(3)]
    made[0].pause()

    def listed(**query) -> list[str]:
        pages = Sandbox.list(query=SandboxQuery(metadata={"group": "listed & ü"}, **query), limit=2, **host.options)
        found = []
        while pages.has_next:
            found += [info.sandbox_id for info in pages.next_items()]
        return found

    try:
        assert sorted(listed()) == sorted(sandbox.sandbox_id for sandbox in made)
        assert listed(state=[SandboxState.PAUSED]) == [made[0].sandbox_id]
        assert listed(state=[SandboxState.RUNNING]) == [made[2].sandbox_id, made[1].sandbox_id]
    finally:
        for sandbox in made:
            sandbox.kill()


def test_a_paused_sandbox_goes_on_where_it_stood(host: RunningHost, other: Sandbox):
    other.files.write("kept.txt", "kept")
    counter = other.commands.run(
        "i=0; while true; do i=$((i+1)); echo $i > m; mv m n; sleep 0.01; done", background=True
    )
    eventually(lambda: other.files.exists("n"))
    assert other.pause()
    assert not other.pause()
    assert other.is_running() is False
    with pytest.raises(TimeoutException):
        other.commands.run("true")
    again = Sandbox.connect(other.sandbox_id, timeout=120, **host.options)
    assert again.files.read("kept.txt") == "kept"
    assert counter.pid in {process.pid for process in again.commands.list()}
    first = int(again.files.read("n") or 0)
    eventually(lambda: int(again.files.read("n") or 0) > first)


def test_a_reboot_keeps_the_disk_alone(host: RunningHost, other: Sandbox):
    other.commands.run("echo kept > kept.txt; sleep 1000", background=True)
    eventually(lambda: other.files.exists("kept.txt"))
    other.pause(mode="filesystem")
    again = Sandbox.connect(other.sandbox_id, timeout=120, **host.options)
    assert again.files.read("kept.txt") == "kept\n"
    assert again.commands.list() == []
    again.pause()
    again = Sandbox.connect(other.sandbox_id, timeout=120, on_resume="reboot", **host.options)
    assert again.files.read("kept.txt") == "kept\n"


def test_a_timeout_kills_or_pauses(host: RunningHost):
    doomed = Sandbox.create(timeout=1, **host.options)
    resting = Sandbox.create(timeout=1, lifecycle={"on_timeout": "pause"}, **host.options)
    assert resting.get_info().lifecycle == {"on_timeout": "pause", "auto_resume": False}
    eventually(lambda: resting.get_info().state == SandboxState.PAUSED)
    eventually(lambda: Sandbox.kill(doomed.sandbox_id, **host.options) is False)
    again = Sandbox.connect(resting.sandbox_id, timeout=60, **host.options)
    assert again.commands.run("echo back").stdout == "back\n"
    again.kill()


def test_traffic_resumes_a_sandbox_that_asked_for_it(host: RunningHost):
    sandbox = Sandbox.create(timeout=60, lifecycle={"on_timeout": "pause", "auto_resume": True}, **host.options)
    sandbox.pause()
    assert sandbox.commands.run("echo awake").stdout == "awake\n"
    assert sandbox.get_info().state == SandboxState.RUNNING
    sandbox.kill()


def test_a_snapshot_is_a_copy_that_others_start_from(host: RunningHost, other: Sandbox):
    other.files.write("state.txt", "then")
    snapshot = other.create_snapshot(name="then")
    other.files.write("state.txt", "now")
    copy = Sandbox.create(snapshot.snapshot_id, timeout=60, **host.options)
    try:
        assert copy.files.read("state.txt") == "then"
        copy.files.write("state.txt", "mine")
        assert other.files.read("state.txt") == "now"
    finally:
        copy.kill()
    listed = Sandbox.list_snapshots(sandbox_id=other.sandbox_id, **host.options).next_items()
    assert [(found.snapshot_id, found.names) for found in listed] == [(snapshot.snapshot_id, ["then"])]
    assert Sandbox.delete_snapshot(snapshot.snapshot_id, **host.options)
    assert not Sandbox.delete_snapshot(snapshot.snapshot_id, **host.options)
    with pytest.raises((NotFoundException, SandboxException)):
        Sandbox.create(snapshot.snapshot_id, **host.options)


async def test_the_same_key_again_makes_no_second_sandbox(host: RunningHost):
    made = await asyncio.gather(
        *(AsyncSandbox.create(timeout=60, idempotency_key="once", **host.options) for _ in range(5))
    )
    assert len({sandbox.sandbox_id for sandbox in made}) == 1
    await made[0].kill()
    again = await AsyncSandbox.create(timeout=60, idempotency_key="once", **host.options)
    assert again.sandbox_id != made[0].sandbox_id
    await again.kill()


def test_a_rule_that_cannot_be_held_is_refused(host: RunningHost):
    for network in ({"deny_out": ["0.0.0.0/0"]}, {"allow_out": ["8.8.8.8"]}, {"mask_request_host": "x"}):
        with pytest.raises(SandboxException, match="network"):
            Sandbox.create(network=network, **host.options)


def test_metrics_tell_what_it_uses(host: RunningHost, other: Sandbox):
    other.commands.run("head -c 20000000 /dev/urandom > data; sync data")
    metric = other.get_metrics()[-1]
    assert metric.disk_used > 20_000_000
    assert 250_000_000 < metric.disk_total < 400_000_000
    assert 0 < metric.mem_used < metric.mem_total == 256 << 20


def test_the_control_plane_opens_with_its_key_alone(host: RunningHost):
    with pytest.raises(AuthenticationException):
        Sandbox.create(**{**host.options, "api_key": "wrong"})
    assert httpx.get(f"{host.url}/v2/sandboxes").status_code == 401


def test_what_makes_no_sense_is_refused_in_words(host: RunningHost):
    with pytest.raises((NotFoundException, SandboxException), match="not found"):
        Sandbox.create("no-such-template", **host.options)
    with pytest.raises((InvalidArgumentException, SandboxException), match="timeout"):
        Sandbox.create(timeout=10_000_000, **host.options)
    headers = {"X-API-KEY": "test-key-of-the-sandbox-host"}
    answer = httpx.post(f"{host.url}/v2/sandboxes", headers=headers, content=b"not json")
    assert answer.status_code == 400
    assert httpx.get(f"{host.url}/v2/sandboxes?limit=x", headers=headers).status_code == 400
    assert httpx.get(f"{host.url}/nowhere", headers=headers).status_code == 404


async def test_many_lives_at_once_leave_nothing(host: RunningHost):
    async def life(number: int) -> None:
        sandbox = await AsyncSandbox.create(timeout=60, **host.options)
        assert (await sandbox.commands.run(f"echo {number}")).stdout == f"{number}\n"
        await sandbox.kill()
        assert not (host.folder / "data" / "sandboxes" / sandbox.sandbox_id).exists()

    before = len(await AsyncSandbox.list(**host.options).next_items())
    await asyncio.gather(*(life(number) for number in range(10)))
    assert len(await AsyncSandbox.list(**host.options).next_items()) == before
