"""The host's configuration, read once from the environment (`SANDBOX_HOST_*`) by its command."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sandbox_host.errors import Invalid

PREFIX = "SANDBOX_HOST_"
VSCODE_DIR = Path(__file__).resolve().parent.parent / ".vscode-server"  # where `make vscode` puts it
Egress = Literal["none", "slirp4netns"]


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use."""

    cpus: float = 2.0
    memory_mb: int = 1024
    disk_mb: int = 5120
    processes: int = 256


@dataclass(frozen=True)
class HostConfig:
    """Everything that the host is told.

    `domain` is the suffix of port hosts (`{port}-{id}.{domain}`), with the port if it is not 80. `plain` does without control groups and
    disk images, as on a machine that offers neither.
    """

    data_dir: Path
    port: int
    host: str = "127.0.0.1"
    domain: str = ""
    api_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    limits: Limits = field(default_factory=Limits)
    max_sandboxes: int = 200
    max_seconds: int = 24 * 3600
    egress: Egress = "none"
    resolver: str = "1.1.1.1"
    template_dir: Path | None = None
    vscode_dir: Path = VSCODE_DIR
    plain: bool = False

    @property
    def suffix(self) -> str:
        return self.domain or f"localhost:{self.port}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "HostConfig":
        """Read `SANDBOX_HOST_DATA_DIR`, `_PORT`, `_API_KEY` and the rest.

        Raises:
            Invalid: a needed one is missing or one is not of its type; the message names it.
        """
        read = _Reader(environment)
        return cls(
            data_dir=Path(read.text("DATA_DIR")).resolve(),
            port=int(read.number("PORT")),
            host=read.text("HOST", "127.0.0.1"),
            domain=read.text("DOMAIN", ""),
            api_key=read.text("API_KEY"),
            limits=Limits(
                cpus=read.number("CPUS", Limits.cpus),
                memory_mb=int(read.number("MEMORY_MB", Limits.memory_mb)),
                disk_mb=int(read.number("DISK_MB", Limits.disk_mb)),
                processes=int(read.number("PROCESSES", Limits.processes)),
            ),
            max_sandboxes=int(read.number("MAX_SANDBOXES", 200)),
            max_seconds=int(read.number("MAX_SECONDS", 24 * 3600)),
            egress=read.egress(),
            resolver=read.text("RESOLVER", "1.1.1.1"),
            template_dir=Path(found).resolve() if (found := read.text("TEMPLATE_DIR", "")) else None,
            vscode_dir=Path(read.text("VSCODE_DIR", str(VSCODE_DIR))).resolve(),
            plain=read.text("PLAIN", "") == "1",
        )


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(PREFIX + name) or default
        if value is None:
            raise Invalid(f"{PREFIX}{name} is not set")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        text = self.text(name, None if default is None else str(default))
        try:
            value = float(text)
        except ValueError:
            raise Invalid(f"{PREFIX}{name} is not a number") from None
        if value <= 0:
            raise Invalid(f"{PREFIX}{name} must be above 0")
        return value

    def egress(self) -> Egress:
        match self.text("EGRESS", "none"):
            case "none":
                return "none"
            case "slirp4netns":
                return "slirp4netns"
            case other:
                raise Invalid(f"{PREFIX}EGRESS is `{other}`; it can be `none` or `slirp4netns`")
