"""The templates: a table of what a sandbox starts from.

`mounts` are folders of the host shown read-only; `packages` are Python packages of the host's own environment that its programs
import; `start` are the programs that run in it from the beginning, each with the port that tells when it is ready. A mount that is
missing on this host leaves out the start commands that need it.
"""

import importlib.util
import os
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES_AT = "/opt/sandbox/packages"
_READABLE = 0o005


@dataclass(frozen=True)
class Mount:
    source: Path
    target: str


@dataclass(frozen=True)
class Start:
    """A program of the template: `argv` begins with an absolute path or a name on the box's PATH."""

    name: str
    argv: tuple[str, ...]
    port: int
    health: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    ready_seconds: float = 30.0


@dataclass(frozen=True)
class Template:
    id: str
    mounts: tuple[Mount, ...] = ()
    packages: tuple[str, ...] = ()
    start: tuple[Start, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Why its start commands cannot run here; None when they can."""
        for mount in self.mounts:
            if not mount.source.is_dir():
                return f"{mount.source.name} is not on this host"
            if os.getuid() == 0 and mount.source.stat().st_mode & _READABLE != _READABLE:
                return f"{mount.source.name} is closed to the sandboxes' users: chmod o+rX it"
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"the Python package {package} is not installed"
        return None


def table(template_dir: Path | None) -> dict[str, Template]:
    """The templates of this host; `template_dir` is the folder that holds the in-box MCP server's package."""
    return {template.id: template for template in (Template("base"), _agents_backend(template_dir))}


def _agents_backend(template_dir: Path | None) -> Template:
    target = "/opt/sandbox/template"
    server = Start(
        name="mcp",
        argv=("python3", "-m", "mcp_server"),
        port=6060,
        health="/health",
        env={"PYTHONPATH": f"{target}:{PACKAGES_AT}"},
    )
    folder = template_dir or Path(__file__).resolve().parent.parent / "sandbox_template"
    if not (folder / "mcp_server").is_dir():
        return Template("agents-backend-sandbox")
    return Template(
        "agents-backend-sandbox",
        mounts=(Mount(folder, target), *packages_mount()),
        packages=("mcp",),
        start=(server,),
    )


def packages_mount() -> tuple[Mount, ...]:
    """The host's site-packages: made for the very interpreter that the boxes run."""
    return (Mount(Path(sysconfig.get_path("purelib")), PACKAGES_AT),)
