"""The command line: the same code as one process for each part, or everything together with `up`."""

import asyncio
import json
import os
import re
import resource
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
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agents_backend.contracts import queues
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.integrations.temporal import ensure_search_attributes
from agents_backend.reference import markdown, variable_name, variables
from agents_backend.services.seeds import seed
from agents_backend.services.vault import KeyRotation, Rotated
from agents_backend.settings import EMBEDDED_NOTICE, Settings, load
from agents_backend.stack.process import StackError, check_free
from agents_backend.stack.stack import Stack

QUEUES = ",".join(queues.QUEUES)
READY_SECONDS = 60
_OPEN_FILES = 65_536
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Agents Backend.")
out = Console()


def settings() -> Settings:
    """The settings, or one clear line for each that is wrong."""
    try:
        return load()
    except ValidationError as error:
        for problem in error.errors():
            field, *inner = [str(part) for part in problem["loc"]] or [""]
            name = ".".join([variable_name(error.title, field), *inner]) if field else "The settings"
            out.print(f"[red]{name}[/]: {escape(problem['msg'])}", soft_wrap=True)
        raise typer.Exit(1) from None
    except SettingsError as error:  # it says which field, in words of its own
        quoted = re.search(r'field "(\w+)"', str(error))
        names = [name for name in variables() if quoted and name.endswith(quoted[1].upper())]
        out.print(f"[red]{' or '.join(names) or 'The settings'}[/]: not valid JSON", soft_wrap=True)
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
    found = complete()
    from api.app import create_app  # noqa: PLC0415  # neither the other commands nor a refusal need it

    _allow_many_connections()
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


def _allow_many_connections() -> None:
    """Each open stream is a file; the soft limit of many shells is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@app.command()
def worker(queues: Annotated[str, typer.Option(help="task queues, comma-separated")] = QUEUES) -> None:
    """Run a worker on some task queues."""
    wanted = _known(queues)
    found = complete()
    if found.worker.metrics_port:
        _refuse_taken_port(found)
    import uvloop  # noqa: PLC0415

    from agents_backend.integrations.metrics import worker_metrics  # noqa: PLC0415
    from agents_backend.integrations.telemetry import configure_logging  # noqa: PLC0415
    from agents_backend.integrations.tracing import configure_tracing  # noqa: PLC0415
    from workers.main import run  # noqa: PLC0415

    configure_logging(found)
    tracing = configure_tracing(found)

    async def until_asked_to_stop() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        with worker_metrics(found.worker):
            await run(found, wanted, stop=stop)

    try:
        uvloop.run(until_asked_to_stop())
    finally:
        if tracing is not None:
            tracing.shutdown()


def _known(queues: str) -> list[str]:
    wanted = [queue.strip() for queue in queues.split(",") if queue.strip()]
    if unknown := sorted(set(wanted) - set(QUEUES.split(","))):
        raise typer.BadParameter(f"no such queue: {', '.join(unknown)}; there are {QUEUES}")
    return wanted


def _refuse_taken_port(found: Settings) -> None:
    try:
        check_free(found.worker.metrics_port, "the worker's metrics", "WORKER_METRICS_PORT")
    except StackError as error:
        out.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


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

    async def seeded() -> str | None:
        # Before the administrator, whose password is told once: nothing after that may fail.
        await ensure_search_attributes(await connect_temporal(found, lazy=True))
        async with Database(found.database) as database:
            return await seed(database, found)

    try:
        return asyncio.run(seeded())
    except Unavailable as error:
        out.print(f"[red]{escape(error.detail)}[/]", soft_wrap=True)
        raise typer.Exit(1) from None


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Encrypt anew, with the first of VAULT_KEYS, what older keys encrypted in PostgreSQL; stopped anywhere, it goes on when run again."""
    found = complete()

    async def rotated() -> bool:
        async with Database(found.database) as database:
            rotation = KeyRotation(database=database, settings=found.vault)
            results = [_told(await rotation.run(column)) for column in rotation.columns()]
        typer.echo(
            f"The newest key is {rotation.newest}; Temporal's histories keep the keys that they were written with."
        )
        return all(results)

    try:
        complete_now = asyncio.run(rotated())
    except Unavailable as error:
        out.print(f"[red]{escape(error.detail)}[/]", soft_wrap=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if complete_now else 1)


def _told(column: Rotated) -> bool:
    """Print what became of a column; whether all of it has the newest key."""
    typer.echo(f"{column.column}: {column.done} encrypted anew")
    for why, count in column.failures.items():
        out.print(f"[red]{column.column}: {count} could not be. {escape(why)}[/]", soft_wrap=True)
    return not column.failures


@app.command()
def openapi() -> None:
    """Print the OpenAPI document; it needs no server and no setting."""
    from api.app import create_app  # noqa: PLC0415

    typer.echo(json.dumps(create_app(_without_servers(settings())).openapi(), indent=2))


def _without_servers(found: Settings) -> Settings:
    """Settings that satisfy the application without leading anywhere; it connects only when it is served."""
    nowhere = SecretStr("unset")
    return found.model_copy(
        update={
            "environment": "development",
            "database": found.database.model_copy(update={"url": nowhere}),
            "redis": found.redis.model_copy(update={"url": nowhere}),
            "temporal": found.temporal.model_copy(update={"address": "unset"}),
            "auth": found.auth.model_copy(update={"secret": nowhere}),
            "vault": found.vault.model_copy(update={"keys": nowhere}),
        }
    )


@app.command("check-config")
def check_config() -> None:
    """Say what is wrong with the settings of a production process, if anything is."""
    complete()
    out.print("[green]The settings are complete.[/]")


@app.command("settings")
def show_settings(
    *, as_markdown: Annotated[bool, typer.Option("--markdown", help="the whole page of the documentation")] = False
) -> None:
    """List every setting: its variable, kind, default and meaning."""
    if as_markdown:
        typer.echo(markdown(), nl=False)
        return
    for variable in variables().values():
        typer.echo(f"{variable.name:40} {variable.kind}; {variable.default or 'unset'}. {variable.meaning}")


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


if __name__ == "__main__":
    app()
