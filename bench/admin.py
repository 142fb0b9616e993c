"""The admin API under load: one API process, embedded servers, 1,000 users, 32 connections.

    uv run --frozen python bench/admin.py [--seconds 5]

Prints requests a second and p99 of each route beside a bare Starlette route's of the same run, and their ratio; then what
32 logins at once do to others' p99; then whether an unknown name takes as long as a wrong password. wrk is used where it is
on PATH (Debian: apt-get install wrk), else a small client of this file, which is slower than the servers it measures.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from agents_backend.db.base import Database, now
from agents_backend.db.tables import User
from agents_backend.services.passwords import Passwords
from agents_backend.settings import Settings, StackSettings
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack

CONNECTIONS, USERS, PASSWORD = 32, 1_000, "bench-password-1"
LOGIN = "/api/v1/admin/auth/login"
TARGETS = {"users list": 0.025, "menus": 0.05, "users/me": 0.08}
bare = Starlette(routes=[Route("/", lambda _: JSONResponse({"hello": "world"}))])


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def raw(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Connection:
    """One keep-alive connection, as little of HTTP as our own server needs."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, request: Request) -> tuple[int, bytes, float]:
        """Status, body and seconds."""
        started = time.perf_counter()
        self._writer.write(request.raw(f"127.0.0.1:{self._port}"))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        return int(head.split(b" ", 2)[1]), body, time.perf_counter() - started


@dataclass(frozen=True)
class Result:
    rate: float
    p99_ms: float
    errors: int


def p99(seconds: list[float]) -> float:
    return 1000 * sorted(seconds)[max(0, int(len(seconds) * 0.99) - 1)]


async def own_load(port: int, request: Request, seconds: float) -> Result:
    taken: list[float] = []
    errors, until = 0, time.monotonic() + seconds

    async def one() -> None:
        nonlocal errors
        async with Connection(port) as connection:
            while time.monotonic() < until:
                status, _, spent = await connection.ask(request)
                taken.append(spent)
                errors += status >= 400

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return Result(len(taken) / seconds, p99(taken), errors)


async def wrk_load(port: int, request: Request, seconds: float) -> Result:
    script = f"""
wrk.method = "{request.method}"
wrk.body = {json.dumps(request.body.decode())}
wrk.headers = {{{", ".join(f'["{name}"] = {json.dumps(value)}' for name, value in request.headers.items())}}}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("%d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(99), e.status + e.read + e.timeout))
end
"""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, seconds):.0f}s", "--timeout", "30s", "-s", file.name),
            f"http://127.0.0.1:{port}{request.path}",
            stdout=subprocess.PIPE,
        )
        printed, _ = await process.communicate()
    asked, microseconds, worst, errors = map(int, printed.decode().strip().splitlines()[-1].split())
    return Result(asked / microseconds * 1e6, worst / 1000, errors)


load = wrk_load if shutil.which("wrk") else own_load


@contextmanager
def running(*command: str, port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *command], env={**os.environ, **(env or {})}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                asyncio.run(_ready(port))
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(15)


async def _ready(port: int) -> None:
    async with Connection(port):
        pass


async def fill(settings: Settings) -> None:
    passwords = Passwords(1)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    async with Database(settings.database) as database, database.transaction() as session:
        session.add_all(
            User(username=f"user-{n}", nickname=f"User {n}", password_hash=hashed, created_at=now())
            for n in range(USERS)
        )


def credentials(name: str, password: str) -> bytes:
    return json.dumps({"username": name, "password": password}).encode()


JSON = {"Content-Type": "application/json"}


async def sign_in(port: int) -> dict[str, str]:
    async with Connection(port) as connection:
        status, body, _ = await connection.ask(Request("POST", LOGIN, JSON, credentials("admin", PASSWORD)))
    assert status == 200, body
    return {"Authorization": f"Bearer {json.loads(body)['access_token']}"}


async def routes(api: int, plain: int, seconds: float) -> None:
    signed = await sign_in(api)
    wanted = {
        "GET /health": Request("GET", "/health", {}),
        "users/me": Request("GET", "/api/v1/admin/sys/users/me", signed),
        "menus": Request("GET", "/api/v1/admin/sys/menus", signed),
        "users list": Request("GET", "/api/v1/admin/sys/users?size=20", signed),
        "login": Request("POST", LOGIN, JSON, credentials("admin", PASSWORD)),
    }
    print(f"{'route':<12} {'req/s':>9} {'p99 ms':>9} {'bare req/s':>11} {'of bare':>8} {'target':>11}  errors")
    for name, request in wanted.items():
        # The bare route just before and just after, so that whatever else the machine does weighs on both.
        before = await load(plain, Request("GET", "/", {}), seconds / 2)
        found = await load(api, request, seconds)
        after = await load(plain, Request("GET", "/", {}), seconds / 2)
        base = (before.rate + after.rate) / 2
        share, target = found.rate / base, TARGETS.get(name)
        verdict = "" if target is None else f"{target:.3f} {'ok' if share >= target else 'BELOW'}"
        row = f"{name:<12} {found.rate:>9.0f} {found.p99_ms:>9.1f} {base:>11.0f} {share:>8.3f} {verdict:>11}"
        print(f"{row}  {found.errors}")


async def others(port: int, request: Request, until: asyncio.Event) -> list[float]:
    """One request after another, ten milliseconds apart, as people would send them."""
    taken: list[float] = []
    async with Connection(port) as connection:
        while not until.is_set():
            taken.append((await connection.ask(request))[2])
            await asyncio.sleep(0.01)
    return taken


async def storm(port: int) -> list[float]:
    """32 logins at once, each on a connection of its own."""

    async def one() -> float:
        async with Connection(port) as connection:
            status, body, spent = await connection.ask(Request("POST", LOGIN, JSON, credentials("admin", PASSWORD)))
        assert status == 200, body
        return spent

    return await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


async def logins(port: int) -> None:
    signed = await sign_in(port)
    asked = Request("GET", "/api/v1/admin/sys/users?size=20", signed)
    quiet = asyncio.Event()
    watch = [asyncio.create_task(others(port, asked, quiet)) for _ in range(4)]
    await asyncio.sleep(5)
    quiet.set()
    before = p99([spent for task in watch for spent in await task])
    loud = asyncio.Event()
    watch = [asyncio.create_task(others(port, asked, loud)) for _ in range(4)]
    spent = [one for _ in range(8) for one in await storm(port)]
    loud.set()
    during = p99([one for task in watch for one in await task])
    print(f"\n32 logins at once, 8 times: all answered, the slowest after {max(spent):.2f} s")
    print(f"others' p99: {before:.1f} ms alone, {during:.1f} ms meanwhile, {during / before:.2f} times")


async def timing(port: int) -> None:
    taken: dict[str, list[float]] = {"unknown": [], "wrong": []}
    for number in range(100):  # in turn, each from an address of its own: nothing locks, and drift hits both alike
        kind = "unknown" if number % 2 else "wrong"
        name = f"nobody-{number}" if kind == "unknown" else f"user-{number}"
        place = {"X-Forwarded-For": f"10.{random.randrange(255)}.{random.randrange(255)}.{random.randrange(255)}"}
        async with Connection(port) as connection:
            request = Request("POST", LOGIN, JSON | place, credentials(name, "not-the-password"))
            status, body, spent = await connection.ask(request)
        assert status == 401, body
        taken[kind].append(spent)
    unknown, wrong = (statistics.median(values) * 1000 for values in (taken["unknown"], taken["wrong"]))
    gap = abs(unknown - wrong) / wrong
    print(
        f"\nmedian of 50: unknown name {unknown:.1f} ms, wrong password {wrong:.1f} ms, apart by {gap:.0%} (target 10%)"
    )


async def prepared(folder: Path) -> tuple[Stack, dict[str, str], int]:
    port = free_port()
    stack = Stack(Settings(stack=StackSettings(temporal_port=free_port())), folder, ui=False)
    await stack.__aenter__()
    env = {**stack.environment(), "ADMIN_PASSWORD": PASSWORD, "API_PORT": str(port), "LOG_LEVEL": "WARNING"}
    env["API_TRUSTED_PROXIES"] = "127.0.0.1"
    migrate = [sys.executable, "-m", "agents_backend.cli", "migrate"]
    await asyncio.to_thread(subprocess.run, migrate, env={**os.environ, **env}, check=True)
    database = Settings().database.model_copy(update={"url": SecretStr(env["DATABASE_URL"])})
    await fill(Settings(database=database))
    return stack, env, port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    seconds = parser.parse_args().seconds
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    folder.chmod(0o711)
    with asyncio.Runner() as runner:
        stack, env, port = runner.run(prepared(folder))
        plain = free_port()
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, client: {load.__name__.removesuffix('_load')}\n")
        try:
            with _server(plain), _api(env, port):
                runner.run(routes(port, plain, seconds))
                runner.run(logins(port))
                runner.run(timing(port))
        finally:
            runner.run(stack.__aexit__())
            shutil.rmtree(folder, ignore_errors=True)


def _api(env: dict[str, str], port: int) -> AbstractContextManager[None]:
    return running("-m", "agents_backend.cli", "api", port=port, env=env)


def _server(port: int) -> AbstractContextManager[None]:
    return running(__file__, "--bare", str(port), port=port)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        uvicorn.run(bare, port=int(sys.argv[2]), log_config=None, access_log=False, loop="uvloop", lifespan="off")
    else:
        main()
