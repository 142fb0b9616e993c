"""A podcast of 60 lines by the embedded voice: its wall time beside the time that the voice alone needs, over the cores.

`python -m bench.podcast [--lines 60] [--trials 3]`. Needs hibari-tts; prints a table and the ratio, which is to be 1.4 or less.
The voice alone speaks one line after another before anything else runs: what two lines cost each other on neighbouring cores is not
in its time. Beside it stands what the lines took in the podcast itself, as the worker's own metric tells it.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from agents_backend.agents.podcast_scripts import lines_of, script_by_structure
from agents_backend.domain.scripts import Line
from agents_backend.integrations.speech import sound, voices
from agents_backend.integrations.speech.embedded import EmbeddedSpeech
from agents_backend.services.documents import read_document
from agents_backend.settings import Settings, StackSettings
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack

PASSWORD = "a-password-for-benchmarks"
READY_SECONDS = 120
TARGET = 1.4
_SENTENCES = (
    "A cargo bike delivers more parcels an hour than a van wherever the streets are narrow and parking is rare.",
    "The riders told us that they lose no time to traffic, and that they would not want to go back.",
    "Whether that holds in winter is the question that is asked most often, and it is a fair one.",
)
out = Console(width=120)


def content(lines: int) -> str:
    paragraphs = [
        f"Paragraph number {n}. {_SENTENCES[n % 3]} {_SENTENCES[(n + 1) % 3]}"[:215] for n in range(lines - 1)
    ]
    return "# What the pilot with cargo bikes has shown\n\n" + "\n\n".join(f"{text}." for text in paragraphs)


def script(text: str) -> tuple[Line, ...]:
    draft, _ = script_by_structure(read_document(text), "en-US")
    names = [voices.for_locale("en-US", gender).name for gender in ("female", "male")]
    return lines_of(draft, (names[0], names[1]))[0]


async def alone(lines: tuple[Line, ...]) -> tuple[float, float]:
    """Seconds that the voice needs for all lines, one after another, and the seconds of sound that come of it."""
    voice, length = EmbeddedSpeech(), 0.0
    await voice.speak("Warm up.", voices.resolve(lines[0].voice), 1)
    began = time.perf_counter()
    for line in lines:
        length += len(await voice.speak(line.text, voices.resolve(line.voice), 1)) / sound.RATE
    return time.perf_counter() - began, length


@dataclass(frozen=True)
class Made:
    """Seconds: of all, of speaking (summed over the lines), and of each step."""

    wall: float
    speaking: float
    steps: dict[str, float]


async def podcast(client: httpx.AsyncClient, text: str, metrics: str) -> Made:
    before = await speaking(client, metrics)
    began = time.perf_counter()
    answer = await client.post("/agent/generation/podcast", json={"content": text}, timeout=600)
    answer.raise_for_status()
    wall = time.perf_counter() - began
    spoken = await speaking(client, metrics) - before
    return Made(wall, spoken, await steps(client, answer.headers["X-Run-Id"]))


async def speaking(client: httpx.AsyncClient, metrics: str) -> float:
    """Seconds of speaking so far, of all lines of the worker."""
    answer = await client.get(metrics)
    found = re.search(r'^speech_duration_seconds_sum\{provider="embedded"\} (\S+)', answer.text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def steps(client: httpx.AsyncClient, run_id: str) -> dict[str, float]:
    """How long each step took, by the times in the events' ids."""
    begun: dict[str, int] = {}
    found: dict[str, float] = {}
    answer = await client.get(f"/agent/runs/{run_id}/stream")
    for identity, data in re.findall(r"id: (\d+)-\d+\ndata: (.*)", answer.text):
        event = json.loads(data)
        if event["type"] == "STEP_STARTED":
            begun[event["stepName"]] = int(identity)
        elif event["type"] == "STEP_FINISHED":
            found[event["stepName"]] = (int(identity) - begun[event["stepName"]]) / 1000
    return found


async def measure(lines: int, trials: int) -> None:
    text = content(lines)
    spoken = script(text)
    needed, length = await alone(spoken)
    folder = Path(tempfile.mkdtemp(prefix="agents-backend-bench-"))
    folder.chmod(0o711)
    started: list[subprocess.Popen[bytes]] = []
    try:
        settings = Settings(stack=StackSettings(temporal_port=free_port()))
        async with Stack(settings, folder, ui=False, sandboxes=False) as stack:
            client, metrics = await start(stack, started, folder)
            await podcast(client, content(4), metrics)
            made = [await podcast(client, text, metrics) for _ in range(trials)]
            await client.aclose()
            stop(started)
    finally:
        stop(started)
        shutil.rmtree(folder, ignore_errors=True)
    report(len(spoken), length, needed, made)


async def start(stack: Stack, started: list[subprocess.Popen[bytes]], folder: Path) -> tuple[httpx.AsyncClient, str]:
    """A client that is signed in, and the address of the worker's metrics."""
    port, metrics_port = free_port(), free_port()
    more = {
        "API_PORT": str(port),
        "WORKER_METRICS_PORT": str(metrics_port),
        "ADMIN_PASSWORD": PASSWORD,
        "LOG_LEVEL": "WARNING",
        "DATA_DIR": str(folder / "data"),
        "SPEECH_PROVIDER": "embedded",
        "MODEL_LIST": "[]",
    }
    environment = {**os.environ, **stack.environment(), **more}
    command = [sys.executable, "-m", "agents_backend.cli"]
    subprocess.run([*command, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    started += [
        subprocess.Popen([*command, *arguments], env=environment, stdout=subprocess.DEVNULL)
        for arguments in (["api"], ["worker", "--queues", "media"])
    ]
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30)
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                login = {"username": "admin", "password": PASSWORD}
                answer = await client.post("/admin/auth/login", json=login)
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
                continue
            answer.raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            return client, f"http://127.0.0.1:{metrics_port}/metrics"


def stop(started: list[subprocess.Popen[bytes]]) -> None:
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)
    started.clear()


def report(lines: int, length: float, needed: float, made: list[Made]) -> None:
    cores = os.cpu_count() or 1
    middle = sorted(made, key=lambda one: one.wall)[len(made) // 2]
    table = Table(title=f"A podcast of {lines} lines, {length:.0f} s of speech, on {cores} cores")
    for name in ("voice alone", "lines spoken", "podcast, median", "to voice / cores", "target", "to spoken / cores"):
        table.add_column(name, justify="right")
    ratio, to_spoken = middle.wall / (needed / cores), middle.wall / (middle.speaking / cores)
    seconds = (needed, middle.speaking, middle.wall)
    table.add_row(*(f"{value:.1f} s" for value in seconds), f"{ratio:.2f}", f"≤ {TARGET}", f"{to_spoken:.2f}")
    out.print(table)
    for one in made:
        told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in one.steps.items())
        out.print(f"podcast {one.wall:.1f} s: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--trials", type=int, default=3)
    given = parser.parse_args()
    uvloop.run(measure(given.lines, given.trials))


if __name__ == "__main__":
    main()
