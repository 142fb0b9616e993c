"""The command line: the same code as one process for each part, or everything together with `up`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from agents_backend.contracts import queues
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.services.users import ensure_administrator
from agents_backend.settings import Settings, load
from agents_backend.stack.process import StackError, check_free
from agents_backend.stack.stack import Stack

QUEUES = ",".join(queues.QUEUES)
READY_SECONDS = 60
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Agents Backend.")
out = Console()


def settings() -> Settings:
    """The settings, or one clear line for each that is wrong."""
    try:
        return load()
    except ValidationError as error:
        for problem in error.errors():
            out.print(f"[red]{'.'.join(map(str, problem['loc'])) or 'settings'}[/]: {problem['msg']}")
        raise typer.Exit(1) from None


def complete() -> Settings:
    """The settings of a process that needs its servers by URL."""
    found = settings()
    if problems := (*found.unfit_for_production(), *(f"{name} is not set" for name in found.missing())):
        out.print("\n".join(f"[red]{problem}[/]" for problem in dict.fromkeys(problems)))
        raise typer.Exit(1)
    return found


@app.command()
def api() -> None:
    """Run the HTTP API: one process, to be multiplied by your platform."""
    from api.app import create_app  # noqa: PLC0415  # the other commands need none of it

    found = complete()
    uvicorn.run(
        create_app(found),
        host=found.api.host,
        port=found.api.port,
        log_config=None,
        access_log=False,
        loop="uvloop",
        http="httptools",
        ws="none",
        timeout_graceful_shutdown=10,
    )


@app.command()
def worker(queues: Annotated[str, typer.Option(help="task queues, comma-separated")] = QUEUES) -> None:
    """Run a worker on some task queues."""
    import uvloop  # noqa: PLC0415

    from agents_backend.integrations.telemetry import configure_logging  # noqa: PLC0415
    from workers.main import run  # noqa: PLC0415

    found = complete()
    configure_logging(found)

    async def until_asked_to_stop() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await run(found, [queue.strip() for queue in queues.split(",")], stop=stop)

    uvloop.run(until_asked_to_stop())


@app.command("sandbox-host")
def sandbox_host() -> None:
    """Run the embedded sandbox host, as the `SANDBOX_HOST_*` variables describe it."""
    from sandbox_host.server import main  # noqa: PLC0415

    raise typer.Exit(main())


@app.command()
def migrate() -> None:
    """Bring the schema up to date and make the administrator; a generated password is printed once, as `name / password`."""
    if password := _migrate(complete()):
        typer.echo(f"{settings().admin_username} / {password}")


def _migrate(found: Settings) -> str | None:
    if found.database.url is None:
        raise typer.Exit(1)
    upgrade(found.database.url.get_secret_value())

    async def seed() -> str | None:
        async with Database(found.database) as database:
            return await ensure_administrator(database, found)

    return asyncio.run(seed())


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from api.app import create_app  # noqa: PLC0415

    typer.echo(json.dumps(create_app(complete()).openapi(), indent=2))


@app.command("check-config")
def check_config() -> None:
    """Say what is wrong with the settings of a production process, if anything is."""
    complete()
    out.print("[green]The settings are complete.[/]")


@app.command()
def up() -> None:
    """Start everything on this machine: what is not given by URL is embedded."""
    try:
        asyncio.run(_up(settings()))
    except StackError as error:
        out.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


async def _up(found: Settings) -> None:
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
            _print_table(found, password)
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


def _print_table(found: Settings, password: str) -> None:
    base = found.api.public_url or f"http://localhost:{found.api.port}"
    table = Table(title="Agents Backend is up", show_header=False)
    table.add_row("API", f"{base}/api/v1")
    table.add_row("Docs", f"{base}/docs")
    table.add_row("Console", f"{base}/")
    table.add_row("Temporal UI", f"http://localhost:{found.stack.temporal_ui_port}")
    table.add_row("Administrator", f"{password} (shown once)" if password else found.admin_username)
    if not found.configured_models():
        table.add_row("Model", "none: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY or MODEL_LIST")
    out.print(table)
    login = f"""TOKEN=$(curl -s {base}/api/v1/admin/auth/login -H 'Content-Type: application/json' \\
  -d '{{"username": "{found.admin_username}", "password": "{password.partition(" / ")[2] or "PASSWORD"}"}}' | sed -E 's/.*"access_token": *"([^"]*)".*/\\1/')
curl -N {base}/api/v1/agent/chat/stream -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"messages": [{{"role": "user", "content": "Hello"}}]}}'"""
    typer.echo(f"\nSign in and chat:\n\n{login}\n\nCtrl-C stops everything.")


if __name__ == "__main__":
    app()
