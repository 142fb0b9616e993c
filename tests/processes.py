"""Programs of the product as they are deployed: processes of their own, which tests kill and start again.

Each is forked from one that has imported the product and done nothing else: to import it costs a core four seconds, and the suite starts
some thirty. The command itself, from an interpreter that knows nothing, is what `tests/cli` starts.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

WAIT_SECONDS = 150.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["agents_backend.cli", "api.app", "workers.main", "uvloop", "httptools"])


def agents_backend(*arguments: str) -> None:
    """The program `agents-backend`."""
    from agents_backend.cli import app  # noqa: PLC0415  # in the process that is to run it

    app(arguments)


class Process:
    """`agents-backend <arguments>` or another program, with the caller's environment and more; `log` takes what it prints."""

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        log: Path | None = None,
        main: Callable[..., None] = agents_backend,
    ) -> None:
        self._given = (main, arguments, {**os.environ, **environment}, log)
        self._process: BaseProcess | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        self._process = _FORKS.Process(target=_run, args=self._given)
        self._process.start()

    def stop(self) -> int | None:
        """Ask it to end, as a platform does; its exit code."""
        self._process.terminate()
        self._process.join(30)
        return self._process.exitcode

    def wait(self) -> int | None:
        """Its exit code, once it has ended by itself."""
        self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def _run(
    main: Callable[..., None], arguments: tuple[str, ...], environment: Mapping[str, str], log: Path | None
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 1)
    if log is not None:
        os.dup2(file, 2)
    main(*arguments)


async def until_ready(url: str) -> None:
    """Wait until an API answers that it is ready."""
    async with asyncio.timeout(WAIT_SECONDS), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{url}/health/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
