"""The templates: a table of what a sandbox starts from.

`mounts` are folders of the host shown read-only; `packages` are Python packages of the host's own environment that its programs
import; `start` are the programs that run in it from the beginning, or from the first request to their port, each with the port that
tells when it is ready. A mount that is missing on this host leaves out the start commands that need it.

VS Code is added to every template where code-server is installed (`make vscode`), and to none where it is not.
"""

import importlib.util
import os
import sysconfig
from dataclasses import dataclass, field, replace
from pathlib import Path

PACKAGES_AT = "/opt/sandbox/packages"
_VSCODE_AT = "/opt/sandbox/vscode"
_CODE_SERVER = "bin/code-server"  # also where its own releases have it
_VSCODE_IDLE_SECONDS = 900
_READABLE = 0o005


@dataclass(frozen=True)
class Mount:
    source: Path
    target: str

    def missing(self) -> str | None:
        """Why the sandboxes cannot see it; None when they can."""
        if not self.source.is_dir():
            return f"{self.source.name} is not on this host"
        if os.getuid() == 0 and self.source.stat().st_mode & _READABLE != _READABLE:
            return f"{self.source.name} is closed to the sandboxes' users: chmod o+rX it"
        return None


@dataclass(frozen=True)
class Start:
    """A program of the template: `argv` begins with an absolute path or a name on the box's PATH.

    `on_request` ones are started by the first request to their port, and by the next one after they have ended.
    """

    name: str
    argv: tuple[str, ...]
    port: int
    health: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    ready_seconds: float = 30.0
    on_request: bool = False


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
            if reason := mount.missing():
                return reason
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"the Python package {package} is not installed"
        return None


def table(template_dir: Path | None, vscode_dir: Path | None = None) -> dict[str, Template]:
    """The templates of this host.

    `template_dir` is the folder that holds the in-box MCP server's package, `vscode_dir` the one that holds code-server.
    """
    found = [Template("base"), _agents_backend(template_dir)]
    if vscode_dir is not None and vscode_missing(vscode_dir) is None:
        found = [_with_vscode(template, vscode_dir) for template in found]
    return {template.id: template for template in found}


def vscode_missing(vscode_dir: Path) -> str | None:
    """Why this host's sandboxes have no VS Code; None when they have."""
    if not (vscode_dir / _CODE_SERVER).is_file():
        return "code-server is not installed: make vscode"
    return Mount(vscode_dir, _VSCODE_AT).missing()


def _with_vscode(template: Template, vscode_dir: Path) -> Template:
    """It listens without a password, since the ingress asks for the token, and ends when nobody has it open."""
    options = ("--bind-addr", "127.0.0.1:9000", "--auth", "none", "--disable-telemetry", "--disable-update-check")
    server = Start(
        name="vscode",
        argv=(f"{_VSCODE_AT}/{_CODE_SERVER}", *options, "--disable-workspace-trust", "/home/user"),
        port=9000,
        health="/healthz",
        env={"CODE_SERVER_IDLE_TIMEOUT_SECONDS": str(_VSCODE_IDLE_SECONDS)},
        ready_seconds=60.0,
        on_request=True,
    )
    return replace(template, mounts=(*template.mounts, Mount(vscode_dir, _VSCODE_AT)), start=(*template.start, server))


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
