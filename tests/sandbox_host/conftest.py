import ctypes.util
import subprocess
from collections.abc import Iterator

import pytest
from e2b import Sandbox

from sandbox_host.errors import CannotIsolate as NoBubblewrap
from sandbox_host.isolation import find_bubblewrap
from tests.sandbox_host.running_host import CannotIsolate, RunningHost


def started(**environment: str) -> RunningHost:
    host = RunningHost(**environment)
    try:
        host.start()
    except CannotIsolate as reason:
        host.remove()
        if can_jail():
            pytest.fail(f"this machine can jail, and the host does not: {reason}")
        pytest.skip(str(reason))
    return host


def can_jail() -> bool:
    """Asked of bubblewrap itself, so that a host that has lost the art fails the tests instead of skipping them."""
    try:
        bwrap = find_bubblewrap()
    except NoBubblewrap:
        return False
    plain = [
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    done = subprocess.run([bwrap, *plain, "true"], capture_output=True, check=False)
    return done.returncode == 0 and ctypes.util.find_library("seccomp") is not None


@pytest.fixture(scope="session")
def host() -> Iterator[RunningHost]:
    host = started()
    yield host
    host.stop()
    host.remove()


@pytest.fixture(scope="module")
def sandbox(host: RunningHost) -> Iterator[Sandbox]:
    """One sandbox for the tests of a file that leave no mark on each other."""
    sandbox = Sandbox.create(timeout=600, **host.options)
    yield sandbox
    sandbox.kill()


@pytest.fixture
def other(host: RunningHost) -> Iterator[Sandbox]:
    sandbox = Sandbox.create(timeout=600, **host.options)
    yield sandbox
    sandbox.kill()
