"""Schedulers: 500 listed, then 200 that fire every 5 s for a minute. `uv run python -m bench.schedulers`.

The embedded servers, an API and a worker process, all on this machine; each fire is an `http_request` to a loopback server.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.administrator import ensure_administrator
from agents_backend.settings import Settings, StackSettings
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack

PASSWORD = "correct-horse-battery"
BASE = "/task/schedulers"
EVERY = 5


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


def own_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="agents-backend-bench-"))
    folder.chmod(0o711)  # PostgreSQL, as nobody when we are root, must pass through it
    return folder


@asynccontextmanager
async def house() -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """Servers, an API and a worker, each a process of its own; a signed-in client and the port of a server to call."""
    folder = own_folder()
    target = await asyncio.start_server(answer, "127.0.0.1", 0)
    port, processes = free_port(), []
    async with Stack(Settings(stack=StackSettings(temporal_port=free_port())), folder, ui=False) as stack:
        made = stack.environment()
        await asyncio.to_thread(upgrade, made["DATABASE_URL"])
        database = Settings().database.model_copy(update={"url": SecretStr(made["DATABASE_URL"])})
        async with Database(database) as opened:
            await ensure_administrator(opened, Settings(admin_password=SecretStr(PASSWORD)))
        environment = {**os.environ, **made, "AGENT_FETCH_ALLOW_LOOPBACK": "true", "API_PORT": str(port)}
        try:
            for command in (["api"], ["worker", "--queues", "background"]):
                line = [sys.executable, "-m", "agents_backend.cli", *command]
                quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
                processes.append(await asyncio.create_subprocess_exec(*line, env=environment, **quiet))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:
                await sign_in(client)
                yield client, target.sockets[0].getsockname()[1]
        finally:
            for process in processes:
                process.terminate()
                await process.wait()
    target.close()
    shutil.rmtree(folder, ignore_errors=True)


async def sign_in(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                found = await client.post("/admin/auth/login", json={"username": "admin", "password": PASSWORD})
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
    client.headers["Authorization"] = f"Bearer {found.json()['access_token']}"


async def create(client: httpx.AsyncClient, bodies: list[dict]) -> list[str]:
    gate = asyncio.Semaphore(8)

    async def one(body: dict) -> str:
        async with gate:
            found = await client.post(BASE, json=body)
            found.raise_for_status()
            return found.json()["id"]

    return list(await asyncio.gather(*(one(body) for body in bodies)))


def body(number: int, port: int, **more: object) -> dict:
    kwargs = {"url": f"http://127.0.0.1:{port}/", "timeout_seconds": 5}
    return {"name": f"bench {number}", "task": "http_request", "kwargs": kwargs, "type": "interval", **more}


async def listing(client: httpx.AsyncClient, port: int, count: int, rounds: int = 50) -> None:
    weekly = {"interval_every": 1, "interval_period": "weeks"}
    daily = {"type": "crontab", "crontab": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"}
    began = time.perf_counter()
    made = await create(client, [body(n, port, **(daily if n % 2 else weekly)) for n in range(count)])
    print(f"{count} created in {time.perf_counter() - began:.1f} s")
    whole = []
    for _ in range(rounds):
        began, seen = time.perf_counter(), 0
        for page in range(1, -(-count // 200) + 1):
            found = (await client.get(BASE, params={"page": page, "size": 200})).json()
            seen += len(found["items"])
        assert seen == count
        whole.append((time.perf_counter() - began) * 1000)
    print(f"{count} listed (pages of 200): p50 {statistics.median(whole):.0f} ms, p95 {percentile(whole, 0.95):.0f} ms")
    for scheduler in made:
        (await client.delete(f"{BASE}/{scheduler}")).raise_for_status()


async def firing(client: httpx.AsyncClient, port: int, count: int, seconds: int) -> None:
    """Every time of each within the minute must have run, once."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=count // 4 + 10)
    end = start + timedelta(seconds=seconds - EVERY)
    times = {"interval_every": EVERY, "interval_period": "seconds"}
    span = {"start_time": start.isoformat(), "expire_time": end.isoformat(), "overlap": "allow_all"}
    made = await create(client, [body(n, port, **times, **span) for n in range(count)])
    print(f"{count} schedules made, {(start - datetime.now(UTC)).total_seconds():.0f} s before their first fire")
    expected, before = seconds // EVERY, processor_seconds()
    await asyncio.sleep((end - datetime.now(UTC)).total_seconds() + EVERY)
    await asyncio.sleep(EVERY)
    found = await collected(client, made, expected)
    used = processor_seconds() - before
    runs = [run for items in found for run in items]
    missed = sum(max(0, expected - len({run["scheduled_for"] for run in items})) for items in found)
    doubled = sum(len(items) - len({run["scheduled_for"] for run in items}) for items in found)
    late = [stamp(run["started_at"]) - stamp(run["scheduled_for"]) for run in runs if run["started_at"]]
    failed = sum(run["status"] != "succeeded" for run in runs)
    print(
        f"{count} every {EVERY} s for {seconds} s: {len(runs)} of {expected * count} fires, {missed} missed, {doubled} doubled, "
        f"{failed} failed; late p50 {statistics.median(late):.2f} s, p95 {percentile(late, 0.95):.2f} s, max {max(late):.2f} s"
    )
    for error, times_seen in Counter(str(run["error"]) for run in runs if run["status"] == "failed").items():
        print(f"  {times_seen} failed with {error}")
    for name, seconds_used in used.items():
        print(f"  {name}: {seconds_used * 1000 / len(runs):.1f} ms of processor time a fire")


async def collected(client: httpx.AsyncClient, made: list[str], expected: int) -> list[list[dict]]:
    """The runs of each, once all have ended, or as they are a minute later."""
    deadline = time.monotonic() + 60
    while True:
        found = [(await client.get(f"{BASE}/{one}/runs", params={"size": 200})).json()["items"] for one in made]
        done = all(len(items) == expected and all(run["finished_at"] for run in items) for items in found)
        if done or time.monotonic() > deadline:
            return found
        await asyncio.sleep(3)


def processor_seconds() -> Counter[str]:
    """What each kind of process below this one has used."""
    found: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            line, times = process.cmdline(), process.cpu_times()
            name = line[3] if "agents_backend.cli" in line else Path(line[0]).name.partition(":")[0]
            found[name] += times.user + times.system
    return found


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--listed", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    async with house() as (client, port):
        await listing(client, port, given.listed)
        await firing(client, port, given.schedules, given.seconds)


if __name__ == "__main__":
    asyncio.run(main())
