"""Our own processes as they are deployed, with their logs kept to be read."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

READY_SECONDS = 120


class LoggedProcess:
    """`agents-backend <arguments>` with an environment; its standard error is the log."""

    def __init__(self, *arguments: str, environment: dict[str, str], folder: Path) -> None:
        self._arguments, self._environment = arguments, {**os.environ, **environment}
        self._log = folder / f"{'-'.join(arguments).replace('/', '_')}.log"

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "agents_backend.cli", *self._arguments]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Ask it to end, as a platform does; its exit code."""
        self._process.terminate()
        return self._process.wait(30)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Every line of the log; one that is no JSON fails the test."""
        return [json.loads(line) for line in self.log.splitlines()]

    async def until_answers(self, url: str) -> None:
        give_up_at = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient() as client:
            while time.monotonic() < give_up_at:
                try:
                    if (await client.get(url)).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                assert self._process.poll() is None, self.log
                await asyncio.sleep(0.1)
        raise AssertionError(f"{url} never answered: {self.log}")


async def until(found: Any, seconds: float = 30) -> Any:
    """The first true value of `found()`."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if value := found():
            return value
        await asyncio.sleep(0.1)
    raise AssertionError("it never came to pass")
