"""A machine without writable control groups and without mounts: rlimits, signals and measured folders in their place."""

from collections.abc import Iterator

import psutil
import pytest
from e2b import Sandbox
from e2b.sandbox.commands.command_handle import CommandExitException

from tests.sandbox_host.conftest import started
from tests.sandbox_host.running_host import RunningHost, eventually


@pytest.fixture(scope="module")
def own_host() -> Iterator[RunningHost]:
    host = started(SANDBOX_HOST_PLAIN="1", SANDBOX_HOST_DISK_MB="50")
    yield host
    host.stop()
    host.remove()


@pytest.fixture
def box(own_host: RunningHost) -> Iterator[Sandbox]:
    sandbox = Sandbox.create(timeout=600, **own_host.options)
    yield sandbox
    sandbox.kill()


def test_it_says_how_it_isolates(own_host: RunningHost):
    assert "control groups: none; disks: folders" in own_host.log()


def test_a_pause_stops_every_process(own_host: RunningHost, box: Sandbox):
    box.commands.run(
        "for i in 1 2 3; do (while true; do date +%N > n$i; sleep 0.01; done) & done; wait", background=True
    )
    eventually(lambda: box.files.exists("n3"))
    folder = own_host.folder / "data" / "sandboxes" / box.sandbox_id / "disk" / "data" / "home"
    box.pause()
    inside = [
        process
        for process in psutil.Process(own_host.process.pid).children(recursive=True)
        if process.name() != "bwrap"
    ]
    assert len(inside) >= 5
    # One that waits for a processor stops when it is given one.
    eventually(lambda: {process.status() for process in inside} <= {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE})
    before = (folder / "n1").stat().st_mtime_ns
    again = Sandbox.connect(box.sandbox_id, timeout=600, **own_host.options)
    eventually(lambda: (folder / "n1").stat().st_mtime_ns > before)
    assert again.commands.list()


def test_bombs_hit_the_rlimits(own_host: RunningHost, box: Sandbox):
    neighbour = Sandbox.create(timeout=600, **own_host.options)
    with pytest.raises(CommandExitException, match="code 1"):
        box.commands.run("python3 -c 'x = bytearray(1 << 30)'")
    with pytest.raises(CommandExitException):
        box.commands.run("head -c 100000000 /dev/zero > one-large-file")
    box.commands.run("bomb() { bomb | bomb & }; bomb", background=True, timeout=0)
    assert neighbour.commands.run("echo here", timeout=30).stdout == "here\n"
    neighbour.kill()


def test_many_files_over_the_quota_end_what_writes_them(box: Sandbox):
    writing = box.commands.run(
        "i=0; while true; do i=$((i+1)); head -c 10000000 /dev/zero > $i; sleep 0.05; done", background=True
    )
    with pytest.raises(CommandExitException, match="code -1"):
        writing.wait()


def test_a_snapshot_copies_the_folder(own_host: RunningHost, box: Sandbox):
    box.commands.run("echo there > file; ln -s file link; chmod 700 file; mkfifo pipe; mkdir -m 0 closed")
    copy = Sandbox.create(box.create_snapshot().snapshot_id, timeout=60, **own_host.options)
    assert copy.commands.run("cat link; stat -c '%a %U' file; rm file").stdout == "there\n700 user\n"
    copy.kill()
