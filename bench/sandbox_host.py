"""Figures of the embedded sandbox host, taken through the genuine SDK: `python bench/sandbox_host.py`.

Starts a host of its own in a scratch folder, measures, stops it, and looks for what it left: processes, mounts, control groups, files.
"""

import asyncio
import io
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
from e2b import AsyncSandbox

KEY = "bench"
SAMPLES = 30
LIVES, AT_ONCE = 100, 10
MEGABYTES = 64
ATTACKS = {
    "a fork bomb": "bomb() { bomb | bomb & }; bomb; while true; do bomb; sleep 0.1; done",
    "a memory bomb": "while true; do python3 -c 'x = [bytearray(16 << 20) for _ in range(1000)]'; done",
    "a full disk": "while true; do head -c 10G /dev/zero > full; rm full; done",
    "busy loops": "for i in 1 2 3 4 5 6 7 8; do while true; do :; done & done; wait",
}


class Bench:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sandbox-host-bench-"))
        self.folder.chmod(0o711)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = {"api_key": KEY, "api_url": self.url, "sandbox_url": self.url}
        self.host: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "SANDBOX_HOST_DATA_DIR": str(self.folder / "data"),
            "SANDBOX_HOST_PORT": str(self.port),
            "SANDBOX_HOST_API_KEY": KEY,
        }

    def start(self) -> subprocess.Popen[bytes]:
        began = time.perf_counter()
        self.host = host = subprocess.Popen([sys.executable, "-m", "sandbox_host"], env=self.environment)
        while host.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=1)
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
            else:
                print(f"host ready               {time.perf_counter() - began:8.2f} s")
                return host
        sys.exit(1)

    async def create(self) -> AsyncSandbox:
        return await AsyncSandbox.create(timeout=600, **self.options)

    async def run(self) -> None:
        sandbox = await self.create()
        made: list[AsyncSandbox] = []

        async def create() -> None:
            made.append(await self.create())

        async def kill() -> None:
            await made.pop().kill()

        await figure("create", create)
        await figure("run `echo` (SDK)", lambda: sandbox.commands.run("echo hello"))
        await figure("write 1 kB", lambda: sandbox.files.write("small", "x" * 1000))
        await figure("read 1 kB", lambda: sandbox.files.read("small"))
        await figure("pause + connect", lambda: self.pause_and_connect(sandbox))
        await figure("kill", kill)
        await self.throughput(sandbox)
        await self.gigabyte(sandbox)
        await self.neighbours(sandbox)
        await sandbox.kill()
        await self.lives()

    async def pause_and_connect(self, sandbox: AsyncSandbox) -> None:
        await sandbox.pause()
        await AsyncSandbox.connect(sandbox.sandbox_id, timeout=600, **self.options)

    async def throughput(self, sandbox: AsyncSandbox) -> None:
        data = os.urandom(MEGABYTES << 20)
        for name, write in (
            ("multipart", lambda: sandbox.files.write("large", data)),
            ("stream", lambda: sandbox.files.write("large", io.BytesIO(data))),
        ):
            await rate(f"write 64 MB ({name})", write)
        await rate("read 64 MB", lambda: sandbox.files.read("large", format="bytes"))
        assert await sandbox.files.read("large", format="bytes") == data

    async def gigabyte(self, sandbox: AsyncSandbox) -> None:
        """1 GB up and down, and what the host's memory grew by at its highest."""
        assert self.host is not None
        process = psutil.Process(self.host.pid)
        before = highest = process.memory_info().rss

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal highest
            for _ in range(1024):
                yield b"x" * (1 << 20)
                highest = max(highest, process.memory_info().rss)

        await sandbox.files.write("huge", chunks())
        size = 0
        async for chunk in await sandbox.files.read("huge", format="stream"):
            size += len(chunk)
            highest = max(highest, process.memory_info().rss)
        assert size == 1 << 30
        await sandbox.files.remove("huge")
        print(f"1 GB up and down         {(highest - before) / 1e6:8.1f} MB more of the host's memory")

    async def neighbours(self, sandbox: AsyncSandbox) -> None:
        """How fast a sandbox answers while another attacks the machine."""
        await figure("run beside nothing", lambda: sandbox.commands.run("echo hello"))
        for name, attack in ATTACKS.items():
            attacker = await self.create()
            await attacker.commands.run(attack, background=True, timeout=0)
            await figure(f"run beside {name}", lambda: sandbox.commands.run("echo hello"))
            await attacker.kill()

    async def lives(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def life(number: int) -> None:
            async with gate:
                sandbox = await self.create()
                assert (await sandbox.commands.run(f"echo {number}")).stdout == f"{number}\n"
                await sandbox.files.write("file", "x")
                await sandbox.kill()

        began = time.perf_counter()
        await asyncio.gather(*(life(number) for number in range(LIVES)))
        print(f"{LIVES} lives, {AT_ONCE} at once    {time.perf_counter() - began:8.2f} s, without an error")

    def left(self, processes: list[psutil.Process]) -> list[str]:
        """What is still there of the host's boxes."""
        name = f"agents-backend-{zlib.crc32(str((self.folder / 'data').resolve()).encode()):08x}"
        found = [f"process {process.pid}" for process in processes if process.is_running()]
        found += [f"group {path}" for path in Path("/sys/fs/cgroup").rglob(name)]
        found += [f"file {path}" for path in (self.folder / "data" / "sandboxes").iterdir()]
        found += [
            f"loop {path}"
            for path in Path("/sys/block").glob("loop*/loop/backing_file")
            if str(self.folder) in path.read_text()
        ]
        mounts = Path("/proc/self/mountinfo").read_text()
        return found + ([f"mount in {self.folder}"] if str(self.folder) in mounts else [])


async def figure(name: str, action: Callable[[], Awaitable[object]]) -> None:
    times = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        await action()
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    middle, late = statistics.median(times), times[int(len(times) * 0.95)]
    print(f"{name:26} p50 {middle:7.1f} ms   p95 {late:7.1f} ms   best {times[0]:7.1f} ms")


async def rate(name: str, action: Callable[[], Awaitable[object]]) -> None:
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        await action()
        rates.append(MEGABYTES / (time.perf_counter() - began))
    print(f"{name:26} p50 {statistics.median(rates):7.0f} MB/s  best {max(rates):7.0f} MB/s")


def main() -> None:
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"{cores} cores, load {load:.1f} before")
    bench = Bench()
    host = bench.start()
    try:
        asyncio.run(bench.run())
        children = psutil.Process(host.pid).children(recursive=True)
        print(f"boxes still running      {len(children):8}")
    finally:
        host.terminate()
        host.wait()
    left = bench.left(children)
    print(f"left over                {left or 'nothing'}")
    print(f"load {os.getloadavg()[0]:.1f} after")
    shutil.rmtree(bench.folder)


if __name__ == "__main__":
    main()
