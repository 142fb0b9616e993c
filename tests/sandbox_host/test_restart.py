"""The host killed, stopped and started again: boxes end with it, disks stay, nothing is left over."""

import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from e2b import Sandbox, SandboxState
from e2b.exceptions import SandboxNotFoundException

from tests.sandbox_host.conftest import started
from tests.sandbox_host.running_host import RunningHost, eventually

pytestmark = pytest.mark.faults


@pytest.fixture
def own_host() -> Iterator[RunningHost]:
    host = started()
    yield host
    host.stop()
    host.remove()


def boxes(host: RunningHost) -> list[psutil.Process]:
    return psutil.Process(host.process.pid).children(recursive=True)


def groups(host: RunningHost) -> list[Path]:
    name = f"agents-backend-{zlib.crc32(str(host.folder / 'data').encode()):08x}"
    return list(Path("/sys/fs/cgroup").rglob(name))


def test_the_first_sandboxes_of_a_new_host_may_be_made_at_once(own_host: RunningHost):
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: Sandbox.create(timeout=60, **own_host.options), range(4)))
    assert [sandbox.commands.run("echo here").stdout for sandbox in made] == ["here\n"] * 4


def test_a_killed_host_takes_its_boxes_along_and_finds_their_disks_again(own_host: RunningHost):
    running = Sandbox.create(timeout=600, metadata={"kept": "yes"}, envs={"A": "b"}, **own_host.options)
    running.files.write("work.txt", "done so far")
    running.commands.run("sleep 1000", background=True)
    paused = Sandbox.create(timeout=600, **own_host.options)
    paused.files.write("work.txt", "resting")
    paused.pause()
    short = Sandbox.create(timeout=1, **own_host.options)
    snapshot = running.create_snapshot()
    processes = boxes(own_host)
    assert len(processes) >= 6

    own_host.kill()
    own_host.start()
    eventually(lambda: not any(process.is_running() and process.status() != "zombie" for process in processes))

    assert running.get_info().state == SandboxState.PAUSED
    assert running.is_running() is False
    for sandbox, text in ((running, "done so far"), (paused, "resting")):
        again = Sandbox.connect(sandbox.sandbox_id, timeout=600, **own_host.options)
        assert again.files.read("work.txt") == text
        assert again.commands.list() == []
    assert running.commands.run("echo $A").stdout == "b\n"  # the old object's token opens it still
    assert running.get_info().metadata == {"kept": "yes"}
    copy = Sandbox.create(snapshot.snapshot_id, timeout=60, **own_host.options)
    assert copy.files.read("work.txt") == "done so far"
    eventually(lambda: not Sandbox.kill(short.sandbox_id, **own_host.options))


def test_a_sandbox_whose_time_ran_out_meanwhile_is_gone(own_host: RunningHost):
    sandbox = Sandbox.create(timeout=2, **own_host.options)
    own_host.kill()
    folder = own_host.folder / "data" / "sandboxes" / sandbox.sandbox_id
    eventually(lambda: time.time() > folder.stat().st_mtime + 3)
    own_host.start()
    with pytest.raises(SandboxNotFoundException):
        sandbox.get_info()
    assert not folder.exists()


def test_a_stopped_host_leaves_no_process_mount_or_group(own_host: RunningHost):
    sandbox = Sandbox.create(timeout=600, **own_host.options)
    paused = Sandbox.create(timeout=600, **own_host.options)
    paused.pause()
    sandbox.commands.run("sleep 1000", background=True)
    processes = boxes(own_host)
    own_host.stop()
    assert [process for process in processes if process.is_running()] == []
    assert groups(own_host) == []
    assert str(own_host.folder) not in Path("/proc/self/mountinfo").read_text()
    backing = [path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file")]
    assert not any(str(own_host.folder) in file for file in backing)


def test_a_box_that_dies_leaves_a_sandbox_that_starts_anew(own_host: RunningHost):
    sandbox = Sandbox.create(timeout=600, **own_host.options)
    sandbox.files.write("work.txt", "kept")
    for process in boxes(own_host):
        process.kill()
    eventually(lambda: sandbox.get_info().state == SandboxState.PAUSED)
    again = Sandbox.connect(sandbox.sandbox_id, timeout=600, **own_host.options)
    assert again.files.read("work.txt") == "kept"
