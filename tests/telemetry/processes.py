"""Our own processes as they are deployed, with their logs kept to be read."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any, Self

import httpx

from tests.processes import Process

READY_SECONDS = 120


class LoggedProcess(Process):
    """`agents-backend <arguments>` with an environment; what it prints is the log."""

    def __init__(self, *arguments: str, environment: dict[str, str], folder: Path) -> None:
        self._log = folder / f"{'-'.join(arguments).replace('/', '_')}.log"
        super().__init__(*arguments, environment=environment, log=self._log)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

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
                assert self.is_alive, self.log
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
