"""Everything on one machine, for `agents-backend up`: the embedded servers, an API and a worker as processes of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from agents_backend.settings import EMBEDDED_NOTICE, Settings
from agents_backend.stack.process import StackError, check_free
from agents_backend.stack.stack import Stack

READY_SECONDS = 60
out = Console()


async def up(found: Settings) -> None:
    """Run everything until the process is asked to end; what is not given by URL is embedded.

    Raises:
        StackError: a part did not start.
    """
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    stack = Stack(found, found.data_dir)
    stack.check_ports()
    check_free(found.api.port, "the API", "API_PORT")
    out.print("Starting PostgreSQL, Redis, Temporal and the sandbox host …")
    async with stack:
        if stack.no_sandboxes:
            out.print(f"[yellow]There are no sandboxes: {stack.no_sandboxes}[/]")
        environment = {**os.environ, **stack.environment()}  # children read it; this process reads settings alone
        out.print("Migrating …")
        password = await asyncio.to_thread(_migrate_as_child, environment)
        children = Children(environment, found.data_dir / "logs")
        try:
            out.print("Starting the API and the worker …")
            children.start("api")
            children.start("worker")
            await _until_healthy(found, stop)
            _print_table(found, password, embedded=stack.model is not None)
            await children.watch(stop)
        finally:
            await children.stop()


def _migrate_as_child(environment: dict[str, str]) -> str:
    done = subprocess.run(  # ourselves
        [sys.executable, "-m", "agents_backend.cli", "migrate"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise StackError(f"The migration failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return done.stdout.strip()


class Children:
    """The API and the worker as processes of their own; one that dies is started again."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self._environment, self._logs = environment, logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603  # ourselves
                [sys.executable, "-m", "agents_backend.cli", name],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for name, process in list(self._running.items()):
                if process.poll() is not None:
                    out.print(f"[yellow]The {name} ended with code {process.returncode}; starting it again.[/]")
                    self.start(name)
            await _pause(stop, 1)

    async def stop(self) -> None:
        out.print("Stopping …")
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            await asyncio.to_thread(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _until_healthy(found: Settings, stop: asyncio.Event) -> None:
    give_up_at = time.monotonic() + READY_SECONDS
    ask: Callable[[], bool] = lambda: _healthy(f"http://127.0.0.1:{found.api.port}/health")  # noqa: E731
    while not stop.is_set() and not await asyncio.to_thread(ask):
        if time.monotonic() > give_up_at:
            raise StackError(f"The API was not healthy in {READY_SECONDS} s; see {found.data_dir / 'logs'}.")
        await _pause(stop, 0.2)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def _print_table(found: Settings, password: str, *, embedded: bool) -> None:
    base = found.api.public_url or f"http://localhost:{found.api.port}"
    table = Table(title="Agents Backend is up", show_header=False)
    table.add_row("API", f"{base}/api/v1")
    table.add_row("Docs", f"{base}/docs")
    table.add_row("Console", f"{base}/")
    table.add_row("Temporal UI", f"http://localhost:{found.stack.temporal_ui_port}")
    table.add_row("Administrator", f"{password} (shown once)" if password else found.admin_username)
    if embedded:
        table.add_row("Model", EMBEDDED_NOTICE)
    elif not found.configured_models():
        table.add_row("Model", "none: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY or MODEL_LIST")
    out.print(table)
    login = f"""TOKEN=$(curl -s {base}/api/v1/admin/auth/login -H 'Content-Type: application/json' \\
  -d '{{"username": "{found.admin_username}", "password": "{password.partition(" / ")[2] or "PASSWORD"}"}}' | sed -E 's/.*"access_token": *"([^"]*)".*/\\1/')
curl -N {base}/api/v1/agent/chat/stream -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"messages": [{{"role": "user", "content": "Hello"}}]}}'"""
    typer.echo(f"\nSign in and chat:\n\n{login}\n\nCtrl-C stops everything.")
