"""Control groups of version 2, in a folder that stands for the kernel's tree: what is written where. Version 1 is used by the other tests."""

import os
from pathlib import Path

import pytest

from sandbox_host.cgroups import Hierarchies, cpus_of, find_v2
from sandbox_host.config import Limits


def tree(folder: Path, *, processes: str) -> Path:
    (folder / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (folder / "cgroup.procs").write_text(processes)
    return folder


def test_alone_in_its_group_the_host_moves_to_a_leaf_and_enables_the_controllers(tmp_path: Path):
    own = tree(tmp_path, processes=f"{os.getpid()}\n")
    parent, controllers = find_v2(own, own, "boxes")
    assert controllers == {"cpu", "freezer", "memory", "pids"}
    assert (own / "host" / "cgroup.procs").read_text() == str(os.getpid())
    for folder in (own, parent):
        assert (folder / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_without_controllers_there_is_the_freezer_alone(tmp_path: Path):
    own = tree(tmp_path, processes="")
    (own / "cgroup.controllers").write_text("\n")
    assert find_v2(own, own, "boxes") == (own / "boxes", {"freezer"})


def test_other_processes_are_left_where_they_are(tmp_path: Path):
    own = tree(tmp_path, processes=f"1\n{os.getpid()}\n")
    find_v2(own, own, "boxes")
    assert not (own / "host").exists()


def test_a_box_never_gets_the_whole_machine():
    assert [cpus_of(Limits(cpus=2), cores) for cores in (1, 2, 8)] == [0.75, 1.5, 2]


@pytest.mark.parametrize("frozen", [True, False])
async def test_a_box_s_limits_and_its_freezer(tmp_path: Path, frozen: bool):  # noqa: FBT001
    parent, controllers = find_v2(tree(tmp_path, processes=""), tmp_path, "boxes")
    group = Hierarchies(dict.fromkeys(controllers, parent), controllers).group(
        "box", Limits(cpus=0.5, memory_mb=64, processes=10)
    )
    box = parent / "box"
    assert (box / "memory.max").read_text() == str(64 << 20)
    assert (box / "memory.swap.max").read_text() == "0"
    assert (box / "pids.max").read_text() == "10"
    assert (box / "cpu.max").read_text() == "10000 20000"
    (box / "cgroup.events").write_text(f"populated 1\nfrozen {int(frozen)}\n")
    assert await (group.freeze() if frozen else group.thaw())
    assert (box / "cgroup.freeze").read_text() == str(int(frozen))
    (box / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (box / "memory.current").write_text("4096\n")
    (box / "memory.stat").write_text("anon 1\nfile 1024\n")
    assert (group.cpu_seconds(), group.memory_used(), group.memory_cached()) == (2.5, 4096, 1024)
