"""Parts of the product as they are deployed: processes of their own, which tests kill and start again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

import httpx

WAIT_SECONDS = 150.0


class Process:
    """`agents-backend <command>` with an environment."""

    def __init__(self, *command: str, environment: Mapping[str, str]) -> None:
        self._command, self._environment = command, {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "agents_backend.cli", *self._command]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


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
