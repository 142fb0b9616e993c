"""Chat streams: ours, through Temporal, beside a bare FastAPI + LangGraph app on the same fake model (100 tokens, 10 ms apart).

`make bench`, or `python -m bench.chat [--quick]`. Prints a table and ratios; writes nothing.
"""

import argparse
import asyncio
import json
import resource
import statistics
import time
from dataclasses import dataclass, replace

import httpx
import uvloop
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from bench.deployment import Deployment, deployment
from bench.sse_client import Seen, stream

TOKENS, DELAY = 100, 10
EXPECTED = "".join(f"tok{i} " for i in range(TOKENS))
QUESTION = {"messages": [{"role": "user", "content": f"bench [tokens={TOKENS} delay={DELAY}]"}]}
IDLE = 1_000
BURSTS = 3
out = Console(width=140)


@dataclass(frozen=True)
class Target:
    name: str
    url: str
    token: str


@dataclass(frozen=True)
class Result:
    """Times in milliseconds."""

    event_p50: float
    event_p95: float
    token_p50: float
    token_p95: float
    tokens_a_second: float
    wrong: int
    errors: int


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def summed(seen: list[Seen], seconds: float) -> Result:
    good = [s for s in seen if not s.error and s.status == 200 and b"RUN_FINISHED" in s.last]
    events, tokens = [s.first_event for s in good] or [0.0], [s.first_token for s in good] or [0.0]
    return Result(
        event_p50=statistics.median(events) * 1000,
        event_p95=percentile(events, 0.95),
        token_p50=statistics.median(tokens) * 1000,
        token_p95=percentile(tokens, 0.95),
        tokens_a_second=sum(len(s.text.split()) for s in good) / seconds,
        wrong=sum(s.text.strip() != EXPECTED.strip() for s in good),
        errors=len(seen) - len(good),
    )


async def at_once(target: Target, count: int) -> Result:
    began = time.perf_counter()
    seen = await asyncio.gather(*(stream(target.url, body=QUESTION, token=target.token) for _ in range(count)))
    return summed(list(seen), time.perf_counter() - began)


async def bursts(target: Target, count: int) -> Result:
    """The burst of the middle rate, with what went wrong in any of them."""
    seen = sorted([await at_once(target, count) for _ in range(BURSTS)], key=lambda one: one.tokens_a_second)
    wrong, errors = sum(one.wrong for one in seen), sum(one.errors for one in seen)
    return replace(seen[BURSTS // 2], wrong=wrong, errors=errors)


async def one_by_one(target: Target, count: int) -> Result:
    began = time.perf_counter()
    seen = [await stream(target.url, body=QUESTION, token=target.token) for _ in range(count)]
    return summed(seen, time.perf_counter() - began)


async def compare(found: Deployment, *, quick: bool) -> None:
    ours = Target("ours", f"{found.api}/api/v1/agent/chat/stream", found.token)
    bare = Target("bare", f"{found.bare}/chat", "")
    for target in (bare, ours):
        await at_once(target, 8)
    table = Table(
        title=f"chat streams, {TOKENS} tokens x {DELAY} ms, the middle of {BURSTS} bursts; milliseconds",
        title_justify="left",
    )
    for column in ("streams", "app", "first event p50", "p95", "first token p50", "p95", "tokens/s", "wrong", "errors"):
        table.add_column(column, justify="right")
    for count in (1, 16, 64) if quick else (1, 16, 32, 64, 128):
        results = {}
        for target in (bare, ours):
            measured = await (one_by_one(target, 10 if quick else 30) if count == 1 else bursts(target, count))
            results[target.name] = measured
            row = (measured.event_p50, measured.event_p95, measured.token_p50, measured.token_p95)
            table.add_row(
                "alone" if count == 1 else str(count),
                target.name,
                *(f"{value:.0f}" for value in row),
                f"{measured.tokens_a_second:.0f}",
                str(measured.wrong),
                str(measured.errors),
            )
        first = results["ours"].token_p50 / results["bare"].token_p50
        rate = results["ours"].tokens_a_second / results["bare"].tokens_a_second
        table.add_row("", "ours / bare", "", "", f"{first:.2f}", "", f"{rate:.2f}", "", "", end_section=True)
    out.print(table)
    out.print("resident MB: " + ", ".join(f"{name} {found.memory(name):.0f}" for name in found.processes))
    out.print("CPU seconds: " + ", ".join(f"{name} {found.cpu(name):.1f}" for name in found.processes))


async def idle(found: Deployment) -> None:
    """A thousand clients that rejoined a run which says almost nothing."""
    slow = {"messages": [{"role": "user", "content": "slow [tokens=3 delay=20000]"}]}
    headers = {"Authorization": f"Bearer {found.token}"}
    client = httpx.AsyncClient(base_url=f"{found.api}/api/v1", headers=headers, timeout=60)
    async with client, client.stream("POST", "/agent/chat/stream", json=slow) as response:
        run_id = response.headers["X-Run-Id"]
        before = found.memory("api")
        url = f"{found.api}/api/v1/agent/runs/{run_id}/stream"
        readers = [asyncio.create_task(stream(url, body=None, token=found.token)) for _ in range(IDLE)]
        await asyncio.sleep(15)
        async with Redis.from_url(found.redis_url, decode_responses=True) as redis:
            connections = len(await redis.client_list())
        cpu, memory = found.cpu("api"), found.memory("api")
        await asyncio.sleep(10)
        busy = (found.cpu("api") - cpu) / 10
        await client.post(f"/agent/runs/{run_id}/cancel")
        seen = await asyncio.gather(*readers)
    ended = sum(not s.error and b"RUN_FINISHED" in s.last for s in seen)
    out.print(
        f"{IDLE} idle rejoined streams: API {memory:.0f} MB (before: {before:.0f}), {busy:.0%} of a core, "
        f"{connections} Redis connections of all processes; {ended} read the end"
    )


async def main(*, quick: bool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    async with deployment() as found:
        await compare(found, quick=quick)
        await idle(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=json.dumps(QUESTION))
    parser.add_argument("--quick", action="store_true", help="fewer streams, for a look")
    uvloop.run(main(quick=parser.parse_args().quick))
