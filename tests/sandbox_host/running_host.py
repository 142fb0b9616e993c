"""A sandbox host as its users run it: a process of its own with a data folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from agents_backend.stack.process import free_port
from tests.sandbox_host import vscode

KEY = "test-key-of-the-sandbox-host"
START_SECONDS = 60


class CannotIsolate(Exception):
    """The host said why it does not start."""


class RunningHost:
    def __init__(self, **environment: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sandbox-host-tests-"))
        self.folder.chmod(0o711)
        self.port = free_port()
        self.environment = {
            **os.environ,
            "SANDBOX_HOST_DATA_DIR": str(self.folder / "data"),
            "SANDBOX_HOST_PORT": str(self.port),
            "SANDBOX_HOST_API_KEY": KEY,
            "SANDBOX_HOST_DISK_MB": "300",
            "SANDBOX_HOST_MEMORY_MB": "256",
            "SANDBOX_HOST_PROCESSES": "96",
            "SANDBOX_HOST_VSCODE_DIR": str(vscode.lay(self.folder / "vscode")),
            **environment,
        }
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def skip_without_quotas(self) -> None:
        if "disks: folders" in self.log():
            pytest.skip("a sandbox's disk is a folder here, for want of root: it does not get full")

    @property
    def options(self) -> dict:
        """What the genuine SDK needs to find it."""
        return {"api_key": KEY, "api_url": self.url, "sandbox_url": self.url}

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox_host"], env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        give_up_at = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None:
                raise CannotIsolate(self.log().strip().splitlines()[-1])
            assert time.monotonic() < give_up_at, self.log()
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def eventually(holds, seconds: float = 20):
    """Poll until something holds, and give it."""
    give_up_at = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < give_up_at, "it did not come true in time"
        time.sleep(0.05)
    return found
