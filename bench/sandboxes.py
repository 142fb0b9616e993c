"""Sandboxes through our API and Temporal, beside E2B's SDK on the same host: `python -m bench.sandboxes`.

Prints the time of a creation and of `echo`, one at a time, and the CPU that the API and the worker spend on each.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable

import httpx
from e2b import AsyncSandbox

from bench.deployment import Deployment, deployment

SAMPLES, WARM = 30, 3
BASE = "/api/v1/agent/sandboxes"


async def timed(
    action: Callable[[], Awaitable[object]], after: Callable[[], Awaitable[object]] | None = None
) -> list[float]:
    """Milliseconds of each sample, after a few that do not count; what comes `after` each does not count either."""
    times = []
    for _ in range(WARM + SAMPLES):
        began = time.perf_counter()
        await action()
        times.append((time.perf_counter() - began) * 1000)
        if after is not None:
            await after()
    return sorted(times[WARM:])


def told(name: str, times: list[float], cpu: str = "") -> None:
    late = times[int(len(times) * 0.95)]
    print(f"{name:28} p50 {statistics.median(times):7.1f} ms   p95 {late:7.1f} ms   best {times[0]:7.1f} ms   {cpu}")


async def ours(found: Deployment) -> None:
    headers = {"Authorization": f"Bearer {found.token}"}
    async with httpx.AsyncClient(base_url=found.api, headers=headers, timeout=60) as client:
        made: list[str] = []

        async def create() -> None:
            answer = await client.post(BASE, json={})
            made.append(answer.raise_for_status().json()["sandbox_id"])

        async def delete() -> None:
            (await client.delete(f"{BASE}/{made.pop()}")).raise_for_status()

        async def echo() -> None:
            body = {"sandbox_id": made[0], "command": "echo hello"}
            answer = await client.post(f"{BASE}/run-command", json=body)
            assert answer.raise_for_status().json()["stdout"] == "hello\n"

        spent = Spent(found)
        told("create (API)", await timed(create, delete), f"CPU ms, with the deletion: {spent.each()}")
        await create()
        spent = Spent(found)
        told("run-command `echo` (API)", await timed(echo), f"CPU ms: {spent.each()}")
        await delete()


class Spent:
    """CPU of the API and the worker from now on."""

    def __init__(self, found: Deployment) -> None:
        self._found = found
        self._before = {name: found.cpu(name) for name in ("api", "worker")}

    def each(self) -> str:
        of = {name: self._found.cpu(name) - before for name, before in self._before.items()}
        return ", ".join(f"{name} {seconds * 1000 / (WARM + SAMPLES):.1f}" for name, seconds in of.items())


async def theirs(found: Deployment) -> None:
    made: list[AsyncSandbox] = []

    async def create() -> None:
        made.append(await AsyncSandbox.create("agents-backend-sandbox", timeout=600, **found.e2b))

    async def kill() -> None:
        await made.pop().kill()

    told("create (SDK)", await timed(create, kill))
    await create()
    told("run `echo` (SDK)", await timed(lambda: made[0].commands.run("echo hello")))
    await kill()


async def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    async with deployment(sandboxes=True) as found:
        await theirs(found)
        await ours(found)
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    asyncio.run(main())
