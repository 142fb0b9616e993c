"""Attacks from inside a sandbox: each fails, each would succeed without the part of the jail that it names, and a neighbour goes on working."""

import os
import platform
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from e2b import Sandbox
from e2b.exceptions import NotEnoughSpaceException, SandboxException
from e2b.sandbox.commands.command_handle import CommandExitException

from tests.sandbox_host.running_host import RunningHost, eventually

ANSWER_SECONDS = 30  # generous: the machine may be busy with other things
CALLS = {
    "x86_64": {"add_key": 248, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
               "mount": 165, "setns": 308, "open_by_handle_at": 304, "fsopen": 430, "pidfd_getfd": 438, "clone3": 435, "unshare": 272},
    "aarch64": {"add_key": 217, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425,
                "mount": 40, "setns": 268, "open_by_handle_at": 265, "fsopen": 430, "pidfd_getfd": 438, "clone3": 435, "unshare": 97},
}  # fmt: skip
FORBIDDEN = CALLS.get(platform.machine(), {})


def run(sandbox: Sandbox, script: str, **more) -> str:
    """What a script prints, whatever its exit code."""
    try:
        done = sandbox.commands.run(script, timeout=ANSWER_SECONDS, **more)
    except CommandExitException as failed:
        return failed.stdout + failed.stderr
    return done.stdout + done.stderr


def python(sandbox: Sandbox, script: str) -> str:
    sandbox.files.write("/tmp/attack.py", script)
    return run(sandbox, "python3 /tmp/attack.py")


@contextmanager
def neighbour_answers(host: RunningHost) -> Iterator[None]:
    """Another sandbox answers again and again while the block runs."""
    other = Sandbox.create(timeout=600, **host.options)
    over, failures, answers = threading.Event(), [], []

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(other.commands.run("echo here", timeout=ANSWER_SECONDS).stdout)
            except Exception as error:  # noqa: BLE001
                failures.append(error)
                return

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        eventually(lambda: answers or failures, ANSWER_SECONDS)
        yield
        wanted = len(answers) + 3
        eventually(lambda: len(answers) >= wanted or failures, 3 * ANSWER_SECONDS)
    finally:
        over.set()
        asking.join()
        other.kill()
    assert not failures
    assert set(answers) == {"here\n"}


@pytest.fixture
def canary(host: RunningHost) -> Iterator[Path]:
    """A file of the host that anybody on it may read."""
    path = host.folder / "canary-of-the-host"
    path.write_text("secret of the host")
    path.chmod(0o644)
    yield path
    path.unlink()


def test_files_of_the_host_are_not_there(host: RunningHost, sandbox: Sandbox, canary: Path):
    for path in (canary, f"/proc/1/root{canary}", f"/proc/self/root{canary}", f"/proc/self/cwd/../../..{canary}"):
        assert "secret" not in run(sandbox, f"cat {path}")
    assert run(sandbox, f"find / -name '{canary.name}' 2>/dev/null") == ""
    project = Path(__file__).resolve().parents[2]
    for path in (
        project,
        host.folder,
        Path.home() / ".ssh",
        Path.home() / ".bashrc",
        "/var/lib",
        "/etc/shadow",
        "/sys/fs/cgroup",
    ):
        assert "No such file" in run(sandbox, f"ls {path}")


def test_the_host_s_environment_is_not_inherited(host: RunningHost, sandbox: Sandbox):
    assert host.environment["SANDBOX_HOST_API_KEY"] not in run(
        sandbox, "env; cat /proc/[0-9]*/environ | tr '\\0' '\\n'"
    )


def test_links_lead_nowhere_but_into_the_box(sandbox: Sandbox, canary: Path):
    run(
        sandbox, f"ln -sfn {canary} file; ln -sfn {canary.parent} folder; ln -sfn / root; ln -sfn /proc/1/root procroot"
    )
    for path in ("file", f"folder/{canary.name}", f"root{canary}", f"procroot{canary}", f"../../../../..{canary}"):
        with pytest.raises(SandboxException):
            sandbox.files.read(f"/home/user/{path}")
    for path in (f"folder/written-{os.getpid()}", f"root{canary.parent}/written-{os.getpid()}"):
        with suppress(SandboxException):  # what can be written is written to the box's own /tmp
            sandbox.files.write(f"/home/user/{path}", "x")
    assert not list(canary.parent.glob("written-*"))


def test_a_link_in_the_place_of_a_folder_does_not_survive_a_reboot(host: RunningHost, other: Sandbox, canary: Path):
    run(
        other,
        f"rm -rf /home/user /tmp; mv /tmp /home/user/t; ln -s {canary.parent} /home/user/.local; ln -s / /tmp/data",
    )
    other.pause(mode="filesystem")
    again = Sandbox.connect(other.sandbox_id, timeout=300, **host.options)
    assert "secret" not in run(again, f"cat /home/user/.local/{canary.name} /tmp/data{canary}")
    assert run(again, "stat -c %F /home/user /tmp") == "directory\ndirectory\n"


def test_processes_of_the_host_are_neither_seen_nor_signalled(host: RunningHost, sandbox: Sandbox):
    pids = run(sandbox, "ls /proc | grep -E '^[0-9]+$'").split()
    assert len(pids) < 10
    for pid in (os.getpid(), host.process.pid):
        assert "No such process" in run(sandbox, f"kill -9 {pid}")
    assert host.answers()


def test_the_box_s_first_process_cannot_be_ended_or_read(sandbox: Sandbox):
    run(sandbox, "kill -9 1; kill -STOP 1; kill -9 -1")
    assert run(sandbox, "echo alive") == "alive\n"
    assert "denied" in run(sandbox, "ls /proc/1/fd")
    assert "denied" in run(sandbox, "cat /proc/1/environ")
    script = (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.ptrace(16, 1, 0, 0), ctypes.get_errno())"
    )
    assert python(sandbox, script) == "-1 1\n"


def test_services_on_the_host_s_loopback_hear_nothing(sandbox: Sandbox):
    heard = []
    with socket.create_server(("0.0.0.0", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        name = f"canary-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        for listener in (tcp, abstract):
            listener.setblocking(False)  # noqa: FBT003
        port = tcp.getsockname()[1]
        addresses = {
            "127.0.0.1",
            "localhost",
            "::1",
            "0.0.0.0",
            socket.gethostbyname(socket.gethostname()),
            "10.0.2.2",
            "169.254.169.254",
        }
        out = python(
            sandbox,
            f"""
import socket
for address in {sorted(addresses)!r}:
    try:
        socket.create_connection((address, {port}), 1)
        print("connected", address)
    except OSError as error:
        print("refused")
try:
    socket.socket(socket.AF_UNIX).connect("\\0{name}")
    print("connected abstract")
except OSError:
    print("refused")
""",
        )
        for listener in (tcp, abstract):
            try:
                heard.append(listener.accept())
            except BlockingIOError:
                continue
    assert "connected" not in out
    assert out.count("refused") == len(addresses) + 1
    assert heard == []


def test_there_is_no_network_by_default(sandbox: Sandbox):
    assert python(sandbox, "import socket; print(sorted(n for _, n in socket.if_nameindex()))") == "['lo']\n"


def test_another_sandbox_s_files_and_ports_are_not_there(host: RunningHost, sandbox: Sandbox, other: Sandbox):
    other.files.write("/home/user/secret", "secret of a neighbour")
    other.files.write("/tmp/secret", "secret of a neighbour")
    other.commands.run("python3 -m http.server 8123 --bind 127.0.0.1", background=True)
    eventually(
        lambda: (
            run(other, "python3 -c \"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8123').status)\"")
            == "200\n"
        )
    )
    assert "neighbour" not in run(
        sandbox, "cat /home/user/secret /tmp/secret; grep -rs neighbour /home /tmp /var/tmp /dev/shm"
    )
    assert "refused" in run(sandbox, "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8123), 1)\"")
    assert other.sandbox_id not in run(sandbox, "cat /proc/self/mountinfo; ls -R /run /opt/sandbox 2>/dev/null")


@pytest.mark.skipif(not FORBIDDEN, reason="no table of system calls for this processor")
@pytest.mark.parametrize("name", FORBIDDEN)
def test_system_calls_that_reach_past_namespaces_are_refused(sandbox: Sandbox, name: str):
    script = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
results = []
for arguments in ((0, 0, 0, 0, 0), (0x10000000, 0, 0, 0, 0), (b"user", b"x", b"y", 1, -3)):
    results.append((libc.syscall({FORBIDDEN[name]}, *arguments), ctypes.get_errno()))
print(results)
"""
    refused = (-1, 38) if name in {"clone3", "io_uring_setup"} else (-1, 1)
    assert python(sandbox, script) == f"{[refused] * 3}\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="clone's arguments are in another order elsewhere")
def test_no_namespace_is_made_within(sandbox: Sandbox):
    for tool in (
        "unshare -r true",
        "unshare -U true",
        "unshare -m true",
        "bwrap --dev-bind / / true",
        "nsenter -t 1 -n true",
    ):
        assert run(sandbox, f"{tool} && echo made").count("made") == 0
    script = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
    for high in (0, 1 << 40):
        pid = libc.syscall(56, ctypes.c_ulong(flag | high | 17), 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        print(pid, ctypes.get_errno())
"""
    assert set(python(sandbox, script).splitlines()) == {"-1 1"}


def test_sockets_of_other_families_are_refused(sandbox: Sandbox):
    script = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
number = 41 if platform.machine() == "x86_64" else 198
for family in (17, 29, 31, 38, 40, 44):
    for high in (0, 1 << 32):
        print(libc.syscall(number, ctypes.c_ulong(family | high), 1, 0), ctypes.get_errno())
print(libc.socket(16, 3, 9), ctypes.get_errno())
"""
    assert set(python(sandbox, script).splitlines()) == {"-1 97"}


def test_nobody_becomes_root(sandbox: Sandbox):
    status = run(sandbox, "cat /proc/self/status")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert run(sandbox, "cp /usr/bin/id mine; chmod 6755 mine; ./mine -u") == "1000\n"
    assert "uid=0" not in run(sandbox, "su -c id; sudo -n id; su root -c id < /dev/null")
    assert "Invalid argument" in python(sandbox, "import os; os.setuid(0)")  # there is no such user in its namespace
    assert "not permitted" in python(sandbox, "import os; os.chroot('/tmp')")
    assert "not permitted" in run(sandbox, "mknod disk b 254 0")
    assert run(sandbox, "awk '$4 !~ /nosuid/ || ($4 !~ /nodev/ && $2 !~ /^\\/dev/) {print}' /proc/mounts") == ""


def test_the_kernel_s_files_are_not_written(sandbox: Sandbox):
    for path in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/hostname",
        "/proc/1/mem",
        "/proc/1/oom_score_adj",
    ):
        assert run(sandbox, f"echo x > {path} && echo wrote").count("wrote") == 0
    for path in ("/", "/usr", "/etc", "/dev", "/opt/sandbox/bin", "/run/sandbox/box"):
        assert run(sandbox, f"touch {path}/mine && echo wrote").count("wrote") == 0
    assert (
        run(sandbox, "ls /dev/mem /dev/kmem /dev/vda /dev/sda /dev/loop0 /dev/kvm /dev/net/tun /dev/fuse 2>/dev/null")
        == ""
    )


def test_keystrokes_are_not_pushed_into_a_terminal(sandbox: Sandbox):
    script = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
master, slave = os.openpty()
for request in (0x5412, 0x541C, 0x5412 | 1 << 32):
    print(libc.ioctl(slave, ctypes.c_ulong(request), b"x"), ctypes.get_errno())
"""
    assert set(python(sandbox, script).splitlines()) == {"-1 1"}


def test_a_fork_bomb_hits_its_own_limit(host: RunningHost, other: Sandbox):
    with neighbour_answers(host):
        other.commands.run("while true; do :; done & while true; do :; done", background=True)
        other.commands.run("bomb() { bomb | bomb & }; bomb", background=True, timeout=0)
        counted = eventually(lambda: _processes_of(host) > 60 and _processes_of(host))
        assert counted < 96 + 20
    Sandbox.kill(other.sandbox_id, **host.options)
    eventually(lambda: _processes_of(host) < 20)


def _processes_of(host: RunningHost) -> int:
    return len(psutil.Process(host.process.pid).children(recursive=True))


def test_a_memory_bomb_hits_its_own_limit(host: RunningHost, other: Sandbox):
    with neighbour_answers(host):
        out = run(other, "python3 -c \"x = []\nwhile True: x.append(bytearray(b'x') * (16 << 20))\"")
        assert "Killed" in out or "MemoryError" in out or out == ""
        assert "No space" in run(other, "head -c 100000000 /dev/zero > /dev/shm/full")
    again = Sandbox.connect(other.sandbox_id, timeout=300, **host.options)
    assert run(again, "echo alive") == "alive\n"


def test_a_full_disk_is_its_own(host: RunningHost, other: Sandbox):
    host.skip_without_quotas()
    with neighbour_answers(host):
        assert "No space" in run(other, "head -c 1000000000 /dev/zero > /home/user/full")
        assert "No space" in run(
            other, "head -c 1000 /dev/zero > /tmp/more && sync && head -c 1000000 /dev/zero > /tmp/more"
        )
        with pytest.raises(NotEnoughSpaceException):
            other.files.write("/home/user/other", b"x" * 1_000_000)
        image = host.folder / "data" / "sandboxes" / other.sandbox_id
        used = sum(path.stat().st_blocks * 512 for path in image.rglob("*") if path.is_file())
        assert used < 320 << 20
    other.files.remove("/home/user/full")
    other.files.write("/home/user/other", b"x" * 1_000_000)
