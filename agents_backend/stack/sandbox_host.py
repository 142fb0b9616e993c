"""The embedded sandbox host: our own program, for when there is no key to E2B."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from agents_backend.stack.process import ServerProcess

_PASSED_ON = "SANDBOX_HOST_"  # limits and egress are the host's own settings


class EmbeddedSandboxHost(ServerProcess):
    def __init__(self, data_dir: Path, *, port: int, key: str, environment: Mapping[str, str] = os.environ) -> None:
        self._port, self._key = port, key
        self.has_vscode = False  # until it says so itself
        super().__init__(
            "The sandbox host",
            [sys.executable, "-m", "sandbox_host"],
            log=data_dir.parent / "logs" / "sandbox_host.log",
            ready=self._answers,
            env={
                "PATH": environment.get("PATH", os.defpath),
                **{name: value for name, value in environment.items() if name.startswith(_PASSED_ON)},
                "SANDBOX_HOST_DATA_DIR": str(data_dir.resolve()),
                "SANDBOX_HOST_PORT": str(port),
                "SANDBOX_HOST_API_KEY": key,
            },
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def environment(self) -> dict[str, str]:
        """What the SDK of a process that uses it must find in its environment."""
        return {
            "E2B_API_KEY": self._key,
            "E2B_API_URL": self.url,
            "E2B_SANDBOX_URL": self.url,
            "E2B_DOMAIN": f"localhost:{self._port}",
        }

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                answer = await client.get(f"{self.url}/health")
        except httpx.TransportError:
            return False
        if answer.is_success:
            self.has_vscode = answer.json()["vscode"]
        return answer.is_success
