"""The command line: the same code as one process for each part, or everything together with `up`."""

import asyncio
import json
import re
import resource
import signal
from typing import Annotated

import typer
import uvicorn
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.markup import escape

from agents_backend import house
from agents_backend.contracts import queues
from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.integrations.temporal import ensure_search_attributes
from agents_backend.reference import markdown, variable_name, variables
from agents_backend.services.seeds import seed
from agents_backend.services.vault import KeyRotation, Rotated
from agents_backend.settings import Settings, load
from agents_backend.stack.process import StackError, check_free

QUEUES = ",".join(queues.QUEUES)
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
        asyncio.run(house.up(settings()))
    except StackError as error:
        out.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
