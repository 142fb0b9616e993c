"""The opt-in way out: public addresses are reached, everything else is not. The public one is a test host in a namespace of our own."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest
from e2b import Sandbox

from sandbox_host import egress
from sandbox_host.errors import Invalid
from tests.sandbox_host.conftest import started
from tests.sandbox_host.running_host import CannotIsolate, RunningHost
from tests.sandbox_host.test_escape import python

OUTSIDE = "203.0.113.2"  # a documentation address: nobody has it
GATEWAY = "203.0.113.1"
ANSWER = "hello from outside"

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="making a test host in a network namespace needs root"),
    pytest.mark.skipif(shutil.which("slirp4netns") is None, reason="slirp4netns is not installed"),
    pytest.mark.skipif(shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin") is None, reason="iproute2 is not installed"),
]


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    """A host of our own behind a virtual cable, that answers on port 8080."""
    name = f"outside-{os.getpid()}"
    here, there = f"o{os.getpid() % 100000}a", f"o{os.getpid() % 100000}b"
    commands = [
        f"netns add {name}",
        f"link add {here} type veth peer name {there} netns {name}",
        f"addr add {GATEWAY}/30 dev {here}",
        f"link set {here} up",
        f"-n {name} addr add {OUTSIDE}/30 dev {there}",
        f"-n {name} link set {there} up",
    ]
    try:
        for command in commands:
            done = subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"this machine lets us make no test host: {done.stderr.strip()}")
        script = (
            "import socket\n"
            "listener = socket.create_server(('0.0.0.0', 8080))\n"
            "print('ready', flush=True)\n"
            "while True:\n"
            f"    listener.accept()[0].sendall(b'{ANSWER}')\n"
        )
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, "/usr/bin/env", "python3", "-c", script], stdout=subprocess.PIPE
        )
        assert server.stdout.readline() == b"ready\n"
        yield OUTSIDE
        server.kill()
        server.wait()
        server.stdout.close()
    finally:
        subprocess.run(["ip", "link", "del", here], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def own_host() -> Iterator[RunningHost]:
    host = started(SANDBOX_HOST_EGRESS="slirp4netns")
    yield host
    host.stop()
    host.remove()


def reach(sandbox: Sandbox, *addresses: str, port: int) -> list[str]:
    script = f"""
import socket
for address in {addresses!r}:
    try:
        with socket.create_connection((address, {port}), 3) as connection:
            print("reached", connection.recv(100).decode())
    except OSError as error:
        print(error.strerror)
"""
    return python(sandbox, script).splitlines()


def test_public_addresses_are_reached_by_those_that_asked(own_host: RunningHost, outside: str):
    asked = Sandbox.create(timeout=120, allow_internet_access=True, **own_host.options)
    assert reach(asked, outside, port=8080) == [f"reached {ANSWER}"]
    assert asked.get_info().allow_internet_access is True
    assert asked.commands.run("cat /etc/resolv.conf").stdout == "nameserver 1.1.1.1\n"
    asked.pause(mode="filesystem")
    Sandbox.connect(asked.sandbox_id, timeout=120, **own_host.options)
    assert reach(asked, outside, port=8080) == [f"reached {ANSWER}"]
    asked.kill()
    did_not = Sandbox.create(timeout=120, allow_internet_access=False, **own_host.options)
    assert reach(did_not, outside, port=8080) == ["Network is unreachable"]
    did_not.kill()


def test_loopback_private_and_own_addresses_are_not_reached(own_host: RunningHost, outside: str):
    heard = []
    with socket.create_server(("0.0.0.0", 0)) as canary:
        canary.settimeout(0.1)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    heard.append(canary.accept())
                except TimeoutError:
                    continue

        listening = threading.Thread(target=listen)
        listening.start()
        sandbox = Sandbox.create(timeout=120, allow_internet_access=True, **own_host.options)
        own = socket.gethostbyname(socket.gethostname())
        private = [
            "10.0.2.2",
            "10.0.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            GATEWAY,
            own,
        ]
        answers = reach(sandbox, "127.0.0.1", *private, port=canary.getsockname()[1])
        again = python(
            sandbox,
            "import subprocess\nfor c in ('ip route flush type unreachable', 'ip route add 10.0.0.0/8 dev tap0'):\n    print(subprocess.run(c.split(), capture_output=True).returncode)",
        )
        sandbox.kill()
        over.set()
        listening.join()
    assert answers[0] == "Connection refused"
    assert not [answer for answer in answers if answer.startswith("reached")]
    assert set(answers[1:]) <= {"No route to host", "Connection refused", "Network is unreachable"}
    assert "0" not in again.split()
    assert heard == []


def test_a_resolver_on_loopback_is_refused():
    host = RunningHost(SANDBOX_HOST_EGRESS="slirp4netns", SANDBOX_HOST_RESOLVER="127.0.0.53")
    with pytest.raises(CannotIsolate, match=r"127\.0\.0\.53 is no public address"):
        host.start()
    host.remove()


def test_without_its_tools_egress_is_refused_and_not_faked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(Invalid, match="slirp4netns"):
        egress.check("1.1.1.1")
