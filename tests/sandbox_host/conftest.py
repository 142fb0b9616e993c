from collections.abc import Iterator

import pytest
from e2b import Sandbox

from tests.sandbox_host.running_host import CannotIsolate, RunningHost


def started(**environment: str) -> RunningHost:
    host = RunningHost(**environment)
    try:
        host.start()
    except CannotIsolate as reason:
        host.remove()
        pytest.skip(str(reason))
    return host


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
